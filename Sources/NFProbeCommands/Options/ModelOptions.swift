import ArgumentParser
import Kernels
import RunData
import Transformer

/// The model: sizes, additions, initial values.
struct ModelOptions: ParsableArguments {
  @Option(help: "A size of the paper; the options below override parts of it.")
  var size: ModelSize?

  @Option(help: "Number of layers. (default: 12)")
  var layers: Int?

  @Option(help: "Width of the residual stream. (default: 64)")
  var dim: Int?

  @Option(help: "Attention heads; must divide the width. (default: 4)")
  var heads: Int?

  @Option(help: "Width of the FFN's hidden layer. (default: 4 x dim)")
  var ffnDim: Int?

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

  @Option(help: "The FFN's nonlinearity.")
  var activation: Activation = .gelu

  @Option(help: "Kind of every norm: layer, or rms (no mean, no bias).")
  var norm: NormKind = .layer

  @Option(help: "What is predicted: causal (the next token) or masked (15 % of tokens, 80/10/10).")
  var objective: Objective = .causal

  @Option(
    name: .customLong("init"),
    help: "Initial values; xiong is for `init`: queries and keys are 0 and stay so.")
  var initialization: Initialization = .fairseq

  @Option(help: "Dropout of embeddings and branches.")
  var dropout = 0.0

  @Option(help: "Dropout of attention probabilities.")
  var attentionDropout = 0.0
}

extension ModelOptions {
  /// The additions that an architecture has under these options.
  func additions(of architecture: Architecture) -> Additions {
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
  func configuration(of architecture: Architecture, corpusVocabulary: Int) -> ModelConfiguration {
    let named = size?.dimensions
    return ModelConfiguration(
      layerCount: layers ?? named?.layers ?? 12, modelDim: dim ?? named?.dim ?? 64,
      headCount: heads ?? named?.heads ?? 4, ffnDim: ffnDim,
      vocabularySize: vocabSize ?? corpusVocabulary, placement: architecture.placement,
      additions: additions(of: architecture), activation: activation, norm: norm, objective: objective,
      initialization: initialization, dropout: dropout, attentionDropout: attentionDropout)
  }

  /// Token ids of the built-in language.
  var languageVocabulary: Int { vocabSize ?? (size == nil ? 256 : ModelSize.vocabularySize) }
}
