import Architecture
import ArgumentParser
import Kernels
import RunData
import Transformer

/// The model: sizes, additions, initial values.
struct ModelOptions: ParsableArguments {
  @Option(help: "A size of the paper; the options below override parts of it.")
  var size: ModelSize?

  @Option(
    help: ArgumentHelp(
      "Another architecture, whose norms, positions, attention, FFN, embedding and head stand in the places of --architecture: llama on peri-ln.",
      valueName: "architecture"))
  var parts: ArchitectureChoice?

  @Option(help: "Number of layers. (default: 12)")
  var layers: Int?

  @Option(help: "Width of the residual stream. (default: 64)")
  var dim: Int?

  @Option(help: "Attention heads; must divide the width. (default: 4)")
  var heads: Int?

  @Option(
    help: "Heads of keys and values; each serves several heads. (default: the architecture's, else all)")
  var kvHeads: Int?

  @Option(help: "Width of a head. (default: the architecture's, else dim / heads)")
  var headDim: Int?

  @Option(help: "Width of the FFN's hidden layer. (default: the architecture's, else 4 x dim)")
  var ffnDim: Int?

  @Option(help: "Positions that have a vector, where positions are learned. (default: --sequence)")
  var positions: Int?

  @Option(
    help: "Token ids are below this. (default: what the corpus needs; 256 for the built-in language)")
  var vocabSize: Int?

  @Flag(inversion: .prefixedNo, help: "Post-Attn LN (attn_ln), whatever the architecture.")
  var scaleAttn: Bool?

  @Flag(inversion: .prefixedNo, help: "FFN LN (ffn_layernorm), whatever the architecture.")
  var scaleFc: Bool?

  @Flag(inversion: .prefixedNo, help: "HeadScale (c_attn), whatever the architecture.")
  var scaleHeads: Bool?

  @Option(
    help: "What HeadScale multiplies: paper (heads before W_O), fairseq or fairseq-2021 (W_O's output).")
  var headScalePlacement: HeadScalePlacement?

  @Flag(inversion: .prefixedNo, help: "ResScale (w_resid), whatever the architecture.")
  var scaleResids: Bool?

  @Option(help: "Which residuals ResScale is on: ffn (w_resid) or both (w_resid_attention too).")
  var resScalePlacement: ResidualScaling?

  @Flag(inversion: .prefixedNo, help: "The paper's \"+3 more LN\" on q, k and v.")
  var qkvNorm = false

  @Option(help: "The FFN's nonlinearity: gelu or geglu. (default: gelu, or the architecture's)")
  var activation: Activation?

  @Option(
    help: "Kind of every norm: layer, or rms (no mean, no bias). (default: layer, or the architecture's)")
  var norm: NormKind?

  @Option(help: "What is predicted: causal (the next token) or masked (15 % of tokens, 80/10/10).")
  var objective: Objective = .causal

  @Option(
    name: .customLong("init"),
    help:
      "Initial values; xiong is for `init`: queries and keys are 0 and stay so. (default: fairseq, or the architecture's)"
  )
  var initialization: Initialization?

  @Option(help: "Dropout of embeddings and branches.")
  var dropout = 0.0

  @Option(help: "Dropout of attention probabilities.")
  var attentionDropout = 0.0
}

extension ModelOptions {
  /// The additions that an architecture has under these options.
  func additions(of architecture: ArchitectureChoice) -> Additions {
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
  /// - Throws: `CommandError`: where a file is no architecture, or an option has no meaning for it.
  func configuration(
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
    for (option, value) in [("--kv-heads", kvHeads), ("--head-dim", headDim), ("--positions", positions)]
    where value != nil {
      throw CommandError.usage(
        "\(option) has no meaning for \(architecture.name): its heads make up the width")
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
  /// - Throws: `CommandError`, where a file is no architecture, or its layers have no one part to take.
  func description(of architecture: ArchitectureChoice) throws -> ArchitectureDescription {
    let description = try architecture.description()
    guard let parts else { return description }
    do { return try description.withParts(of: parts.description()) } catch let error as ArchitectureError {
      throw CommandError.usage("--parts: \(error)")
    }
  }

  /// The paper's switches are the paper's architectures'; other files say what they have.
  private func checkPaperOptions(_ architecture: ArchitectureChoice) throws {
    let given: [(String, Bool)] = [
      ("--scale-attn", scaleAttn != nil), ("--scale-fc", scaleFc != nil),
      ("--scale-heads", scaleHeads != nil),
      ("--head-scale-placement", headScalePlacement != nil), ("--scale-resids", scaleResids != nil),
      ("--res-scale-placement", resScalePlacement != nil), ("--qkv-norm", qkvNorm),
      ("--activation", activation != nil),
    ]
    guard let (option, _) = given.first(where: { $0.1 }) else { return }
    throw CommandError.usage(
      "\(option) changes post-ln, pre-ln and normformer"
        + (parts == nil ? "" : " as the paper has them, and has no place beside --parts")
        + "; for \(architecture.name), write it into a file of your own "
        + "(nf-probe architectures \(architecture.name) prints one to begin with)")
  }

  /// Token ids of the built-in language.
  var languageVocabulary: Int { vocabSize ?? (size == nil ? 256 : ModelSize.vocabularySize) }
}
