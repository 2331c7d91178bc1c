import COpenBLAS

/// What the factors of matrix products are made of.
public protocol FactorScalar: BitwiseCopyable, Sendable {
  /// What the products of two elements are added up in, and the output is made of.
  associatedtype Sum: KernelScalar

  /// `c = alpha * a' * b' + beta * c`, row-major, on the calling thread.
  static func multiply(
    _ a: BLASOperand<Self>, _ b: BLASOperand<Self>, alpha: Sum, beta: Sum,
    into c: BLASOperand<Sum>, inner: Int)

  /// A matrix as products read it, on the calling thread: the matrix itself where both types are one, else narrowed in its own
  /// memory, which then holds nothing else of use.
  static func factorInPlace(of matrix: Matrix<Sum>) -> Matrix<Self>

  /// What multiplies a head of attention.
  associatedtype Head: HeadFactor where Head.Element == Self
}

extension FactorScalar where Sum == Self {
  /// The matrix itself.
  public static func factorInPlace(of matrix: Matrix<Self>) -> Matrix<Self> { matrix }
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

extension Float: FactorScalar {
  /// Added up in float32.
  public typealias Sum = Float

  /// Multiplied here.
  public typealias Head = PackedHead<Float>

  /// The corresponding C functions are `dnnl_sgemm` and `cblas_sgemm`.
  public static func multiply(
    _ a: BLASOperand<Float>, _ b: BLASOperand<Float>, alpha: Float, beta: Float,
    into c: BLASOperand<Float>, inner: Int
  ) {
    if FloatProducts.areOneDNNs, inner > 0 {
      return OneDNN.multiply(a, b, alpha: alpha, beta: beta, into: c, inner: inner)
    }
    unsafe cblas_sgemm(
      CblasRowMajor, a.flag, b.flag, blasint(c.rows), blasint(c.width), blasint(inner), alpha, a.base,
      blasint(a.stride), b.base, blasint(b.stride), beta, c.base, blasint(c.stride))
  }
}

extension Double: FactorScalar {
  /// Added up in float64.
  public typealias Sum = Double

  /// Multiplied here.
  public typealias Head = PackedHead<Double>

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
struct Factor<Scalar: FactorScalar> {
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

extension Matrix where Scalar: FactorScalar {
  var factor: Factor<Scalar> { Factor(matrix: self, isTransposed: false) }
  var transposed: Factor<Scalar> { Factor(matrix: self, isTransposed: true) }
}

/// `output = alpha * a * b + beta * output` on this thread.
///
/// - Precondition: shapes agree: `(rows, inner) * (inner, width)`.
func product<Scalar: FactorScalar>(
  _ a: Factor<Scalar>, _ b: Factor<Scalar>, alpha: Scalar.Sum = 1, beta: Scalar.Sum = 0,
  into output: Matrix<Scalar.Sum>
) {
  precondition(
    output.rows == a.rows && a.width == b.rows && output.width == b.width,
    "product of (\(a.rows), \(a.width)) and (\(b.rows), \(b.width)) into (\(output.rows), \(output.width))")
  Scalar.multiply(
    a.operand, b.operand, alpha: alpha, beta: beta, into: output.factor.operand, inner: a.width)
}

/// The same, the output's longer side cut over the team's threads; `finish(part, firstColumn)` runs on each part while
/// it is in the cache.
///
/// - Parameter blockWidth: columns that a thread computes and finishes at a time, for outputs that are larger than a cache.
func product<Scalar: FactorScalar>(
  _ a: Factor<Scalar>, _ b: Factor<Scalar>, beta: Scalar.Sum = 0, into output: Matrix<Scalar.Sum>,
  blockWidth: Int = .max, team: Team,
  finish: (_ part: Matrix<Scalar.Sum>, _ firstColumn: Int) -> Void = { _, _ in }
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
      var start = range.lowerBound
      while start < range.upperBound {
        let block = start..<start + min(blockWidth, range.upperBound - start)
        let part = output.columns(block)
        product(a, b.columns(block), beta: beta, into: part)
        finish(part, start)
        start = block.upperBound
      }
    }
  }
}
