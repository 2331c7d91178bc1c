import COneDNN
import CProcessor

/// Products of bfloat16 factors with float32 sums, by the processor's own instructions for them.
public enum NativeProducts {
  /// What multiplies them here, e.g. `oneDNN 2.6.3 AVX512-BF16`; nil where the processor has no such instructions or the library is
  /// not there.
  ///
  /// Without the instructions such products would be slower than those of float32, so the library is not even asked.
  public static let description: String? = {
    guard let instructions, nf_probe_onednn_load() != 0 else { return nil }
    var version: (Int32, Int32, Int32) = (0, 0, 0)
    unsafe withUnsafeMutableBytes(of: &version) { bytes in
      guard let base = bytes.baseAddress else { return }
      unsafe nf_probe_onednn_version(base.assumingMemoryBound(to: Int32.self))
    }
    return "oneDNN \(version.0).\(version.1).\(version.2) \(instructions)"
  }()

  /// Whether there are any here.
  public static var areAvailable: Bool { description != nil }

  private static var instructions: String? {
    switch nf_probe_bfloat16_instructions() {
    case 2: "AMX-BF16"
    case 1: "AVX512-BF16"
    default: nil
    }
  }
}

extension BFloat16: FactorScalar {
  /// Products are exact in float32, and added up in it.
  public typealias Sum = Float

  /// Multiplied by oneDNN.
  public typealias Head = NarrowHead

  /// oneDNN's bfloat16 product with float32 output. Numbers below the range of normal ones, 2⁻¹²⁶, count as 0.
  ///
  /// - Precondition: ``NativeProducts/areAvailable``.
  public static func multiply(
    _ a: BLASOperand<BFloat16>, _ b: BLASOperand<BFloat16>, alpha: Float, beta: Float,
    into c: BLASOperand<Float>, inner: Int
  ) {
    let status = unsafe a.base.withMemoryRebound(to: UInt16.self, capacity: 1) { aBase in
      unsafe b.base.withMemoryRebound(to: UInt16.self, capacity: 1) { bBase in
        unsafe nf_probe_onednn_multiply(
          a.letter, b.letter, Int64(c.rows), Int64(c.width), Int64(inner), alpha, aBase, Int64(a.stride),
          bBase,
          Int64(b.stride), beta, c.base, Int64(c.stride))
      }
    }
    precondition(status == 0, "oneDNN refuses a product (status \(status))")
  }

  /// Narrowed, each row at the row's beginning.
  public static func factorInPlace(of matrix: Matrix<Float>) -> Matrix<BFloat16> {
    let halves = matrix.halvesInPlace
    for row in 0..<matrix.rows { narrow(matrix[row], into: halves[row]) }
    return halves
  }
}

extension BLASOperand where Scalar == BFloat16 {
  fileprivate var letter: CChar { CChar(UInt8(ascii: isTransposed ? "T" : "N")) }
}
