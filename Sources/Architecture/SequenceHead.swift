/// A head that judges a whole sequence, in the place of the one that predicts tokens.
///
/// `outputs = W₂ tanh(W₁ h + b₁) + b₂` of the hidden state h at one position: RoBERTa's head
/// (`fairseq/models/roberta/model.py`, `RobertaClassificationHead`) without its dropout, whose rate fairseq's GLUE recipes leave at 0. A masked
/// model's h is the first position's, as there; a causal one's the last position's, the only one that has seen everything.
public struct SequenceHead: Equatable, Sendable {
  /// What is said of a sequence.
  public enum Target: Equatable, Sendable {
    /// One of so many classes: a logit each.
    case classes(Int)
    /// A number.
    case score
  }

  /// What is said of a sequence.
  public var target: Target

  /// Creates a head.
  public init(_ target: Target) { self.target = target }

  /// Numbers that come out for each sequence.
  public var outputCount: Int {
    switch target {
    case .classes(let count): count
    case .score: 1
    }
  }

  /// What the names of its tensors begin with.
  public static let prefix = "classification_heads."
  /// The map from hidden states to as many hidden units, under fairseq's name.
  public static let dense = "classification_heads.sentence_classification_head.dense"
  /// The map to the outputs.
  public static let projection = "classification_heads.sentence_classification_head.out_proj"

  /// Its tensors for a model of some width. They start as PyTorch's `nn.Linear` does, U(±1/√inputs): fairseq adds the head after it has given the
  /// model its own initial values.
  func parameters(modelDim: Int) -> [ParameterSpec] {
    let start = InitialValue.uniform(bound: 1 / Double(modelDim).squareRoot())
    return [(Self.dense, modelDim), (Self.projection, outputCount)].flatMap { name, outputs in
      [
        ParameterSpec(
          name: "\(name).weight", shape: [outputs, modelDim], kind: .weight, initialValue: start),
        ParameterSpec(name: "\(name).bias", shape: [outputs], kind: .bias, initialValue: start),
      ]
    }
  }
}
