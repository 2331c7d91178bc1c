// The words in which a layer's wiring is described, in models, checkpoints and run files alike.

/// Where a sublayer's LayerNorm stands.
public enum NormPlacement: String, Sendable, CaseIterable {
  /// After the residual sum: `LN(x + f(x))`; no norm after the stack.
  case postLN = "post-ln"
  /// Before the sublayer: `x + f(LN(x))`; one more norm after the stack.
  case preLN = "pre-ln"
}

/// Where HeadScale's γ multiplies. A checkpoint's tensors do not tell.
public enum HeadScalePlacement: String, Sendable, CaseIterable {
  /// Each head's output before W_O: the paper's equation.
  case paper
  /// Contiguous chunks of W_O's output, bias included: fairseq since November 2021.
  case fairseq
  /// As `fairseq`, with heads and chunk elements exchanged: fairseq of October 2021 and the code of the paper's runs.
  case fairseq2021 = "fairseq-2021"
}

/// Which residual connections carry a learned scale λ.
public enum ResidualScaling: String, Sendable, CaseIterable {
  /// None.
  case none
  /// The FFN's, as in the paper (`w_resid`).
  case ffn
  /// The FFN's and the attention's (`w_resid_attention`).
  case both
}

/// The nonlinearity of the FFN.
public enum Activation: String, Sendable, CaseIterable {
  /// Exact-erf GELU.
  case gelu
  /// `gelu(a) * b` of an `fc1` twice as wide (Shazeer 2020).
  case geglu
}

/// How a row is normalised before gain and bias.
public enum NormKind: String, Sendable, CaseIterable {
  /// Zero mean, unit variance (Ba et al. 2016).
  case layer
  /// Unit root mean square: no mean, no bias (the variant of Raffel et al. 2020).
  case rms
}

/// A nonlinearity, element by element.
public enum ActivationFunction: String, Sendable, CaseIterable {
  /// `x Φ(x)`, Φ the standard normal distribution function (Hendrycks & Gimpel 2016, the exact form).
  case gelu
  /// `x σ(2u)` with `u = √(2/π) (x + 0.044715 x³)`, which is `x (1 + tanh u) / 2` (the same paper's approximation; GPT-2, Gemma).
  case tanhGelu = "gelu-tanh"
  /// `max(x, 0)`.
  case relu
  /// `x σ(x)` (Elfwing et al. 2017; Swish of Ramachandran et al. 2017).
  case silu
}

/// Which elements of a head are rotated together.
public enum RotaryPairing: String, Sendable, CaseIterable {
  /// Element i with element i + half (GPT-NeoX, Llama: `rotate_half`).
  case halves
  /// Neighbours, 2i with 2i + 1 (RoFormer's own form, GPT-J).
  case pairs
}

/// What HeadScale's γ multiplies.
public enum HeadScaleKind: String, Sendable, CaseIterable {
  /// Contiguous chunks of `width / heads` elements: chunk h times γ_h.
  case chunks
  /// As `chunks`, then the output is read out with heads and chunk elements exchanged:
  /// `output[j * heads + h] = γ_h * input[h * headDim + j]` (fairseq of October 2021).
  case exchanged
}
