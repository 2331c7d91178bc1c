import COneDNN
import CProcessor
import Synchronization

/// Products of float32 factors: oneDNN's on processors with AVX-512 where it is installed, else OpenBLAS's.
///
/// On these processors oneDNN's kernels are a tenth faster at the shapes of a training step, at widths of 64 by half.
public enum FloatProducts {
  private static let mayBeOneDNNs = Atomic(true)

  /// Leaves them to OpenBLAS; to be called before the first of them.
  public static func keepToOpenBLAS() { mayBeOneDNNs.store(false, ordering: .relaxed) }

  /// What multiplies them where OpenBLAS does not, e.g. `oneDNN 2.6.3`.
  public static let description: String? = {
    guard mayBeOneDNNs.load(ordering: .relaxed), areInOneDNN else { return nil }
    return OneDNN.name
  }()

  /// Whether oneDNN has them here, in kernels that are faster than OpenBLAS's.
  public static var areInOneDNN: Bool {
    nf_probe_has_avx512() != 0 && nf_probe_onednn_has_float32() != 0
  }

  static let areOneDNNs = description != nil
}

/// oneDNN, once it is loaded.
enum OneDNN {
  /// Name and version, e.g. `oneDNN 2.6.3`.
  static var name: String {
    var version: (Int32, Int32, Int32) = (0, 0, 0)
    unsafe withUnsafeMutableBytes(of: &version) { bytes in
      guard let base = bytes.baseAddress else { return }
      unsafe nf_probe_onednn_version(base.assumingMemoryBound(to: Int32.self))
    }
    return "oneDNN \(version.0).\(version.1).\(version.2)"
  }

  /// `c = alpha * a' * b' + beta * c` of float32, row-major, on the calling thread.
  static func multiply(
    _ a: BLASOperand<Float>, _ b: BLASOperand<Float>, alpha: Float, beta: Float,
    into c: BLASOperand<Float>, inner: Int
  ) {
    let status = unsafe nf_probe_onednn_multiply_float32(
      a.letter, b.letter, Int64(c.rows), Int64(c.width), Int64(inner), alpha, a.base, Int64(a.stride), b.base,
      Int64(b.stride), beta, c.base, Int64(c.stride))
    precondition(status == 0, "oneDNN refuses a product (status \(status))")
  }
}

extension BLASOperand {
  /// `T` where it is read transposed, `N` where as it lies.
  var letter: CChar { CChar(UInt8(ascii: isTransposed ? "T" : "N")) }
}
