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
