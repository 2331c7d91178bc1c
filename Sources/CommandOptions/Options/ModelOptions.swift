import Architecture
import ArgumentParser
import Experiments
import Kernels
import RunData
import Transformer

/// The model: sizes, additions, initial values.
package struct ModelOptions: ParsableArguments {
  @Option(help: "A size of the paper; the options below override parts of it.")
  package var size: ModelSize?

  @Option(
    help: ArgumentHelp(
      "Another architecture, whose norms, positions, attention, FFN, embedding and head stand in the places of --architecture: llama on peri-ln.",
      valueName: "architecture"))
  package var parts: ArchitectureChoice?

  @Option(help: "Number of layers. (default: 12)")
  package var layers: Int?

  @Option(help: "Width of the residual stream. (default: 64)")
  package var dim: Int?

  @Option(help: "Attention heads; must divide the width. (default: 4)")
  package var heads: Int?

  @Option(
    help: "Heads of keys and values; each serves several heads. (default: the architecture's, else all)")
  package var kvHeads: Int?

  @Option(help: "Width of a head. (default: the architecture's, else dim / heads)")
  package var headDim: Int?

  @Option(help: "Width of the FFN's hidden layer. (default: the architecture's, else 4 x dim)")
  package var ffnDim: Int?

  @Option(help: "Positions that have a vector, where positions are learned. (default: --sequence)")
  package var positions: Int?

  @Option(
    help: "Token ids are below this. (default: what the corpus needs; 256 for the built-in language)")
  package var vocabSize: Int?

  @Flag(inversion: .prefixedNo, help: "Post-Attn LN (attn_ln), whatever the architecture.")
  package var scaleAttn: Bool?

  @Flag(inversion: .prefixedNo, help: "FFN LN (ffn_layernorm), whatever the architecture.")
  package var scaleFc: Bool?

  @Flag(inversion: .prefixedNo, help: "HeadScale (c_attn), whatever the architecture.")
  package var scaleHeads: Bool?

  @Option(
    help: "What HeadScale multiplies: paper (heads before W_O), fairseq or fairseq-2021 (W_O's output).")
  package var headScalePlacement: HeadScalePlacement?

  @Flag(inversion: .prefixedNo, help: "ResScale (w_resid), whatever the architecture.")
  package var scaleResids: Bool?

  @Option(help: "Which residuals ResScale is on: ffn (w_resid) or both (w_resid_attention too).")
  package var resScalePlacement: ResidualScaling?

  @Flag(inversion: .prefixedNo, help: "The paper's \"+3 more LN\" on q, k and v.")
  package var qkvNorm = ModelSettings().qkvNorm

  @Option(help: "The FFN's nonlinearity: gelu or geglu. (default: gelu, or the architecture's)")
  package var activation: Activation?

  @Option(
    help: "Kind of every norm: layer, or rms (no mean, no bias). (default: layer, or the architecture's)")
  package var norm: NormKind?

  @Option(help: "What is predicted: causal (the next token) or masked (15 % of tokens, 80/10/10).")
  package var objective = ModelSettings().objective

  @Option(
    name: .customLong("init"),
    help:
      "Initial values; xiong is for `init`: queries and keys are 0 and stay so. (default: fairseq, or the architecture's)"
  )
  package var initialization: Initialization?

  @Option(help: "Dropout of embeddings and branches.")
  package var dropout = ModelSettings().dropout

  @Option(help: "Dropout of attention probabilities.")
  package var attentionDropout = ModelSettings().attentionDropout

  package init() {}

  /// The settings.
  package var settings: ModelSettings {
    var settings = ModelSettings()
    settings.size = size
    settings.parts = parts
    settings.layers = layers
    settings.dim = dim
    settings.heads = heads
    settings.kvHeads = kvHeads
    settings.headDim = headDim
    settings.ffnDim = ffnDim
    settings.positions = positions
    settings.vocabSize = vocabSize
    settings.scaleAttn = scaleAttn
    settings.scaleFc = scaleFc
    settings.scaleHeads = scaleHeads
    settings.headScalePlacement = headScalePlacement
    settings.scaleResids = scaleResids
    settings.resScalePlacement = resScalePlacement
    settings.qkvNorm = qkvNorm
    settings.activation = activation
    settings.norm = norm
    settings.objective = objective
    settings.initialization = initialization
    settings.dropout = dropout
    settings.attentionDropout = attentionDropout
    return settings
  }
}
