import Kernels
import RunData

/// What the paper adds to a layer, each on or off.
public struct Additions: Equatable, Sendable {
  /// Post-Attn LN (`--scale-attn`, `attn_ln`).
  public var scaleAttention: Bool
  /// FFN LN, after the activation (`--scale-fc`, `ffn_layernorm`).
  public var scaleFFN: Bool
  /// HeadScale (`--scale-heads`, `c_attn`); nil is off.
  public var scaleHeads: HeadScalePlacement?
  /// ResScale (`--scale-resids`, `w_resid`).
  public var scaleResiduals: ResidualScaling
  /// The paper's "+3 more LN": on q, k and v, over the model width.
  public var normQueryKeyValue: Bool

  /// Creates a set of additions.
  public init(
    scaleAttention: Bool = false, scaleFFN: Bool = false, scaleHeads: HeadScalePlacement? = nil,
    scaleResiduals: ResidualScaling = .none, normQueryKeyValue: Bool = false
  ) {
    self.scaleAttention = scaleAttention
    self.scaleFFN = scaleFFN
    self.scaleHeads = scaleHeads
    self.scaleResiduals = scaleResiduals
    self.normQueryKeyValue = normQueryKeyValue
  }

  /// Nothing added.
  public static let none = Additions()
  /// The four of the paper.
  public static let normFormer = Additions(
    scaleAttention: true, scaleFFN: true, scaleHeads: .paper, scaleResiduals: .ffn)
}

/// How parameters start.
public enum Initialization: String, Sendable, CaseIterable {
  /// fairseq's: Xavier for attention, PyTorch's `nn.Linear` default for the FFN, N(0, 1/d) for embeddings.
  case fairseq
  /// GPT-2's: N(0, 0.02²), residual outputs divided by √(2·layers), biases 0.
  case gpt2
  /// The setting of Xiong et al. (2020), for comparing gradients at the start with their theory: weights N(0, 2/(inputs +
  /// outputs)), queries and keys 0 so that attention is uniform (and stays so), biases 0, N(0, 1/d) for embeddings.
  case xiong
}

/// Everything that determines a model: sizes, wiring, initial values.
public struct ModelConfiguration: Equatable, Sendable {
  /// Number of layers.
  public var layerCount: Int
  /// Width of the residual stream.
  public var modelDim: Int
  /// Attention heads; divides the width.
  public var headCount: Int
  /// Width of the FFN's hidden layer.
  public var ffnDim: Int
  /// Token ids are below this. A masked model has one more embedding, for the mask.
  public var vocabularySize: Int
  /// Where the norms stand.
  public var placement: NormPlacement
  /// What is added.
  public var additions: Additions
  /// The FFN's nonlinearity.
  public var activation: Activation
  /// The kind of every norm.
  public var norm: NormKind
  /// What is predicted.
  public var objective: Objective
  /// How parameters start.
  public var initialization: Initialization
  /// Dropout of embeddings and branches, in [0, 1).
  public var dropout: Double
  /// Dropout of attention probabilities, in [0, 1).
  public var attentionDropout: Double
  /// What weights, the output of every operation and the gradients of both are rounded to; sums within an operation, norms'
  /// statistics, softmax and loss stay in the engine's own format, as they do in mixed-precision training.
  public var precision: Precision

  /// ε of every norm.
  public static let normEpsilon = 1e-5

  /// Creates a configuration; ``validate()`` says whether it makes sense.
  public init(
    layerCount: Int, modelDim: Int, headCount: Int, ffnDim: Int? = nil, vocabularySize: Int,
    placement: NormPlacement, additions: Additions = .none, activation: Activation = .gelu,
    norm: NormKind = .layer, objective: Objective = .causal, initialization: Initialization = .fairseq,
    dropout: Double = 0, attentionDropout: Double = 0, precision: Precision = .fp32
  ) {
    self.layerCount = layerCount
    self.modelDim = modelDim
    self.headCount = headCount
    self.ffnDim = ffnDim ?? 4 * modelDim
    self.vocabularySize = vocabularySize
    self.placement = placement
    self.additions = additions
    self.activation = activation
    self.norm = norm
    self.objective = objective
    self.initialization = initialization
    self.dropout = dropout
    self.attentionDropout = attentionDropout
    self.precision = precision
  }

  /// Width of one head.
  public var headDim: Int { modelDim / headCount }

  /// Rows of the embedding table: the vocabulary, and for a masked model the mask token after it.
  public var embeddingCount: Int { vocabularySize + (objective == .masked ? 1 : 0) }
}

/// A configuration that no model can have.
public struct ModelConfigurationError: Error, Equatable, CustomStringConvertible {
  /// What is wrong and what would be right.
  public let description: String
}

extension ModelConfiguration {
  /// Checks that the sizes make a model.
  public func validate() throws(ModelConfigurationError) {
    for (name, value) in [
      ("layers", layerCount), ("dim", modelDim), ("heads", headCount), ("ffn-dim", ffnDim),
      ("vocab-size", vocabularySize),
    ] where value < 1 {
      throw ModelConfigurationError(description: "\(name) must be at least 1, not \(value)")
    }
    for (name, value, most) in [
      ("layers", layerCount, 10_000), ("dim", modelDim, 1_000_000), ("ffn-dim", ffnDim, 10_000_000),
      ("vocab-size", vocabularySize, 100_000_000),
    ] where value > most {
      throw ModelConfigurationError(description: "\(name) \(value) is more than \(most), the most there is")
    }
    guard modelDim % headCount == 0 else {
      let divisors = (1...modelDim).filter { modelDim % $0 == 0 && $0 <= 64 }.map(String.init)
      throw ModelConfigurationError(
        description: "heads \(headCount) does not divide dim \(modelDim); "
          + "heads could be \(divisors.joined(separator: ", "))")
    }
    guard modelDim % 2 == 0 else {
      throw ModelConfigurationError(
        description: "dim must be even (sine and cosine halves of the positions), not \(modelDim)")
    }
    for (name, value) in [("dropout", dropout), ("attention-dropout", attentionDropout)]
    where !(value >= 0 && value < 1) {
      throw ModelConfigurationError(description: "\(name) must be at least 0 and below 1, not \(value)")
    }
  }
}
