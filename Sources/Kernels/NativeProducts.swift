import COneDNN
import CProcessor

/// Products of bfloat16 factors with float32 sums, by the processor's own instructions for them.
public enum NativeProducts {
  /// What multiplies them here, e.g. `oneDNN 2.6.3 AVX512-BF16`; nil where the processor has no such instructions or the library is
  /// not there.
  ///
  /// Without the instructions such products would be slower than those of float32, so the library is not even asked.
  public static let description: String? = {
    guard let instructions, nf_probe_onednn_has_bfloat16() != 0 else { return nil }
    return "\(OneDNN.name) \(instructions)"
  }()

  /// Whether there are any here.
  public static var areAvailable: Bool { description != nil }

  /// Whether there are any, and they are faster than those of float32.
  ///
  /// AVX512-BF16 multiplies twice as many numbers an instruction as float32. Intel's cores after Cooper Lake take more than twice as long
  /// for one: on an Emerald Rapids without AMX oneDNN's products of bfloat16 reach 0.65 times the rate of float32's, on Zen 5 2.1 times.
  public static var areFaster: Bool { areAvailable && nf_probe_has_fast_bfloat16() != 0 }

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
        unsafe nf_probe_onednn_multiply_bfloat16(
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
