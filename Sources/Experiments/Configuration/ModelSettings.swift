import Architecture
import Kernels
import RunData
import Transformer

/// The model: sizes, additions, initial values. What is nil is the architecture's, or the corpus's.
public struct ModelSettings: Equatable, Sendable {
  /// A size of the paper, which the settings below override in parts.
  public var size: ModelSize?
  /// Another architecture, whose parts stand in the places of this one's.
  public var parts: ArchitectureChoice?
  /// Number of layers; 12 unless a size says otherwise.
  public var layers: Int?
  /// Width of the residual stream; 64 unless a size says otherwise.
  public var dim: Int?
  /// Attention heads; 4 unless a size says otherwise.
  public var heads: Int?
  /// Heads of keys and values.
  public var kvHeads: Int?
  /// Width of a head.
  public var headDim: Int?
  /// Width of the FFN's hidden layer.
  public var ffnDim: Int?
  /// Positions that have a vector, where positions are learned.
  public var positions: Int?
  /// Token ids are below this.
  public var vocabSize: Int?
  /// Post-Attn LN.
  public var scaleAttn: Bool?
  /// FFN LN.
  public var scaleFc: Bool?
  /// HeadScale.
  public var scaleHeads: Bool?
  /// What HeadScale multiplies.
  public var headScalePlacement: HeadScalePlacement?
  /// ResScale.
  public var scaleResids: Bool?
  /// Which residuals ResScale is on.
  public var resScalePlacement: ResidualScaling?
  /// Norms on q, k and v.
  public var qkvNorm = false
  /// The FFN's nonlinearity.
  public var activation: Activation?
  /// Kind of every norm.
  public var norm: NormKind?
  /// What is predicted.
  public var objective = Objective.causal
  /// Initial values.
  public var initialization: Initialization?
  /// Dropout of embeddings and branches.
  public var dropout = 0.0
  /// Dropout of attention probabilities.
  public var attentionDropout = 0.0

  /// Every setting.
  static let keys: [ConfigurationKey<Self>] = [
    .optional("size", \.size),
    .optional("parts", \.parts, called: "architecture"),
    .optional("layers", \.layers),
    .optional("dim", \.dim),
    .optional("heads", \.heads),
    .optional("kv-heads", \.kvHeads),
    .optional("head-dim", \.headDim),
    .optional("ffn-dim", \.ffnDim),
    .optional("positions", \.positions),
    .optional("vocab-size", \.vocabSize),
    .toggle("scale-attn", \.scaleAttn),
    .toggle("scale-fc", \.scaleFc),
    .toggle("scale-heads", \.scaleHeads),
    .optional("head-scale-placement", \.headScalePlacement),
    .toggle("scale-resids", \.scaleResids),
    .optional("res-scale-placement", \.resScalePlacement),
    .toggle("qkv-norm", \.qkvNorm),
    .optional("activation", \.activation),
    .optional("norm", \.norm),
    .value("objective", \.objective),
    .optional("init", \.initialization),
    .value("dropout", \.dropout),
    .value("attention-dropout", \.attentionDropout),
  ]

  /// The usual model.
  public init() {}
}

extension ModelSettings {
  /// The additions that an architecture has under these options.
  package func additions(of architecture: ArchitectureChoice) -> Additions {
    var additions = architecture.additions
    if let scaleAttn { additions.scaleAttention = scaleAttn }
    if let scaleFc { additions.scaleFFN = scaleFc }
    if let scaleHeads { additions.scaleHeads = scaleHeads ? (headScalePlacement ?? .paper) : nil }
    if additions.scaleHeads != nil, let headScalePlacement { additions.scaleHeads = headScalePlacement }
    if let scaleResids { additions.scaleResiduals = scaleResids ? (resScalePlacement ?? .ffn) : .none }
    if additions.scaleResiduals != .none, let resScalePlacement {
      additions.scaleResiduals = resScalePlacement
    }
    additions.normQueryKeyValue = qkvNorm
    return additions
  }

  /// The model of an architecture; `corpusVocabulary` is what the corpus needs at least.
  ///
  /// - Throws: `ExperimentError`: where a file is no architecture, or an option has no meaning for it.
  package func configuration(
    of architecture: ArchitectureChoice, corpusVocabulary: Int, sequenceLength: Int
  ) throws -> ModelConfiguration {
    let named = size?.dimensions
    guard architecture.isPapers, parts == nil else {
      try checkPaperOptions(architecture)
      var description = try description(of: architecture)
      if norm == .rms { description.useRMSNorm() }
      var isLearned = false
      if case .learned = description.embedding.positions { isLearned = true }
      return ModelConfiguration(
        layerCount: layers ?? named?.layers ?? 12, modelDim: dim ?? named?.dim ?? 64,
        headCount: heads ?? named?.heads ?? 4, keyValueHeadCount: kvHeads, headDim: headDim, ffnDim: ffnDim,
        vocabularySize: vocabSize ?? corpusVocabulary,
        positionCount: isLearned ? positions ?? sequenceLength : 0,
        architecture: description, objective: objective, initialization: initialization, dropout: dropout,
        attentionDropout: attentionDropout)
    }
    for (option, value) in [("kv-heads", kvHeads), ("head-dim", headDim), ("positions", positions)]
    where value != nil {
      throw ExperimentError.refused(
        "\(setting: option) has no meaning for \(architecture.name): its heads make up the width")
    }
    return ModelConfiguration(
      layerCount: layers ?? named?.layers ?? 12, modelDim: dim ?? named?.dim ?? 64,
      headCount: heads ?? named?.heads ?? 4, ffnDim: ffnDim,
      vocabularySize: vocabSize ?? corpusVocabulary, placement: architecture.placement,
      additions: additions(of: architecture), activation: activation ?? .gelu, norm: norm ?? .layer,
      objective: objective, initialization: initialization ?? .fairseq, dropout: dropout,
      attentionDropout: attentionDropout)
  }

  /// The wiring of an architecture, of other parts where `--parts` names some.
  /// - Throws: `ExperimentError`, where a file is no architecture, or its layers have no one part to take.
  package func description(of architecture: ArchitectureChoice) throws -> ArchitectureDescription {
    let description = try architecture.description()
    guard let parts else { return description }
    do { return try description.withParts(of: parts.description()) } catch let error as ArchitectureError {
      throw ExperimentError.refused("\(setting: "parts"): \(error)")
    }
  }

  /// The paper's switches are the paper's architectures'; other files say what they have.
  private func checkPaperOptions(_ architecture: ArchitectureChoice) throws {
    let given: [(String, Bool)] = [
      ("scale-attn", scaleAttn != nil), ("scale-fc", scaleFc != nil),
      ("scale-heads", scaleHeads != nil),
      ("head-scale-placement", headScalePlacement != nil), ("scale-resids", scaleResids != nil),
      ("res-scale-placement", resScalePlacement != nil), ("qkv-norm", qkvNorm),
      ("activation", activation != nil),
    ]
    guard let (option, _) = given.first(where: { $0.1 }) else { return }
    throw ExperimentError.refused(
      "\(setting: option) changes post-ln, pre-ln and normformer"
        + (parts == nil ? "" : " as the paper has them, and has no place beside \(setting: "parts")")
        + "; for \(architecture.name), write it into a file of your own "
        + "(nf-probe architectures \(architecture.name) prints one to begin with)")
  }

  /// Token ids of the built-in language.
  package var languageVocabulary: Int { vocabSize ?? (size == nil ? 256 : ModelSize.vocabularySize) }
}
