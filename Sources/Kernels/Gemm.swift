import COpenBLAS

/// A scalar type that BLAS multiplies matrices of.
public protocol BLASScalar {
  /// `c = a' * b' + beta * c`, row-major, on the calling thread.
  static func multiply(
    _ a: BLASOperand<Self>, _ b: BLASOperand<Self>, alpha: Self, beta: Self,
    into c: BLASOperand<Self>, inner: Int)
}

/// A matrix as BLAS sees it.
@safe
public struct BLASOperand<Scalar> {
  let base: UnsafeMutablePointer<Scalar>
  let rows: Int
  let width: Int
  let stride: Int
  let isTransposed: Bool

  var flag: CBLAS_TRANSPOSE { isTransposed ? CblasTrans : CblasNoTrans }
}

extension Float: BLASScalar {
  /// The corresponding C function is `cblas_sgemm`.
  public static func multiply(
    _ a: BLASOperand<Float>, _ b: BLASOperand<Float>, alpha: Float, beta: Float,
    into c: BLASOperand<Float>, inner: Int
  ) {
    unsafe cblas_sgemm(
      CblasRowMajor, a.flag, b.flag, blasint(c.rows), blasint(c.width), blasint(inner), alpha, a.base,
      blasint(a.stride), b.base, blasint(b.stride), beta, c.base, blasint(c.stride))
  }
}

extension Double: BLASScalar {
  /// The corresponding C function is `cblas_dgemm`.
  public static func multiply(
    _ a: BLASOperand<Double>, _ b: BLASOperand<Double>, alpha: Double, beta: Double,
    into c: BLASOperand<Double>, inner: Int
  ) {
    unsafe cblas_dgemm(
      CblasRowMajor, a.flag, b.flag, blasint(c.rows), blasint(c.width), blasint(inner), alpha, a.base,
      blasint(a.stride), b.base, blasint(b.stride), beta, c.base, blasint(c.stride))
  }
}

/// A factor of a matrix product: a matrix as it lies, or transposed.
struct Factor<Scalar: KernelScalar> {
  let matrix: Matrix<Scalar>
  let isTransposed: Bool

  var rows: Int { isTransposed ? matrix.width : matrix.rows }
  var width: Int { isTransposed ? matrix.rows : matrix.width }

  func rows(_ range: Range<Int>) -> Factor {
    Factor(matrix: isTransposed ? matrix.columns(range) : matrix.rows(range), isTransposed: isTransposed)
  }

  func columns(_ range: Range<Int>) -> Factor {
    Factor(matrix: isTransposed ? matrix.rows(range) : matrix.columns(range), isTransposed: isTransposed)
  }

  var operand: BLASOperand<Scalar> {
    unsafe BLASOperand(
      base: matrix.base, rows: matrix.rows, width: matrix.width, stride: matrix.stride,
      isTransposed: isTransposed)
  }
}

extension Matrix where Scalar: KernelScalar {
  var factor: Factor<Scalar> { Factor(matrix: self, isTransposed: false) }
  var transposed: Factor<Scalar> { Factor(matrix: self, isTransposed: true) }
}

/// `output = alpha * a * b + beta * output` on this thread.
///
/// - Precondition: shapes agree: `(rows, inner) * (inner, width)`.
func product<Scalar: KernelScalar>(
  _ a: Factor<Scalar>, _ b: Factor<Scalar>, alpha: Scalar = 1, beta: Scalar = 0, into output: Matrix<Scalar>
) {
  precondition(
    output.rows == a.rows && a.width == b.rows && output.width == b.width,
    "product of (\(a.rows), \(a.width)) and (\(b.rows), \(b.width)) into (\(output.rows), \(output.width))")
  Scalar.multiply(
    a.operand, b.operand, alpha: alpha, beta: beta, into: output.factor.operand, inner: a.width)
}

/// The same, the output's longer side cut over the team's threads; `finish(part, firstColumn)` runs on each part while
/// it is in the cache.
func product<Scalar: KernelScalar>(
  _ a: Factor<Scalar>, _ b: Factor<Scalar>, beta: Scalar = 0, into output: Matrix<Scalar>, team: Team,
  finish: (_ part: Matrix<Scalar>, _ firstColumn: Int) -> Void = { _, _ in }
) {
  // Each thread packs the factor that is not cut, so the longer side is cut; multiples of 16 fit the micro-kernels.
  let minimumWork = 1 << 18
  if output.rows >= output.width {
    let grain = max(1, minimumWork / max(1, output.width * a.width))
    team.split(output.rows, grain: grain, multiple: 16) { range, _ in
      let part = output.rows(range)
      product(a.rows(range), b, beta: beta, into: part)
      finish(part, 0)
    }
  } else {
    let grain = max(1, minimumWork / max(1, output.rows * a.width))
    team.split(output.width, grain: grain, multiple: 16) { range, _ in
      let part = output.columns(range)
      product(a, b.columns(range), beta: beta, into: part)
      finish(part, range.lowerBound)
    }
  }
}

/// The team's threads each call BLAS for their part, so BLAS itself must not start more.
func useOneThreadPerProduct() { openblas_set_num_threads(1) }

/// What multiplies the matrices.
public enum MatrixLibrary {
  /// Name, version and the kernels chosen for this processor, e.g. `OpenBLAS 0.3.21 SkylakeX`.
  public static var description: String {
    let words = unsafe String(cString: openblas_get_config()).split(separator: " ")
    return (words.prefix(2).map(String.init) + [kernelName]).joined(separator: " ")
  }

  /// The processor family whose kernels are in use, e.g. `SkylakeX`.
  public static var kernelName: String { unsafe String(cString: openblas_get_corename()) }
}

extension MatrixLibrary {
  /// Floating-point operations a second of float32 products `(rows, inner) * (inner, width)`, cut over a team as the linear maps cut
  /// theirs, in the three orientations of a training step; repeated for at least `seconds`.
  public static func productRate(
    rows: Int, inner: Int, width: Int, team: Team, seconds: Double
  ) -> Double {
    let input = Buffer<Float>(count: rows * inner)
    let weight = Buffer<Float>(count: width * inner)
    let output = Buffer<Float>(count: rows * width)
    let a = input.matrix(rows: rows, width: inner)
    let w = weight.matrix(rows: width, width: inner)
    let c = output.matrix(rows: rows, width: width)
    let clock = ContinuousClock()
    let start = clock.now
    var repetitions = 0
    repeat {
      product(a.factor, w.transposed, into: c, team: team)
      product(c.factor, w.factor, into: a, team: team)
      product(c.transposed, a.factor, into: w, team: team)
      repetitions += 1
    } while start.duration(to: clock.now) < .seconds(seconds)
    let elapsed = start.duration(to: clock.now) / .seconds(1)
    return 6 * Double(rows) * Double(inner) * Double(width) * Double(repetitions) / elapsed
  }
}
