/// The format that numbers are kept in between operations.
public enum Precision: String, Sendable, CaseIterable {
  /// 32 bits: what the engine computes in, nothing is rounded.
  case fp32
  /// 16 bits with float32's range: 8 bits of exponent, 8 significant bits.
  case bf16
  /// 16 bits of IEEE 754: 5 bits of exponent, 11 significant bits.
  case fp16

  /// The largest magnitude that an operation's output may have before a run counts as overflown: the largest finite number
  /// of the format. A run in `fp32` is judged as if its outputs were kept in `fp16`, 65504.
  public var outputLimit: Double {
    switch self {
    case .fp32, .fp16: 65504
    case .bf16: 0x1.FEp127
    }
  }
}
