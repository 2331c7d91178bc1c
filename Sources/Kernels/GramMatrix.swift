import COpenBLAS

/// WᵀW of a matrix that comes in blocks of rows, in float64: what singular values are computed from without holding W.
///
/// A squared singular value has an absolute error of some n · 2⁻⁵³ · σ₁², n the width, so singular values below about
/// 10⁻⁸ √n σ₁ are rounding noise; the larger ones have at least half of float64's digits.
public final class GramMatrix {
  /// Columns of W.
  public let width: Int
  private let sums: Buffer<Double>
  private var block: Buffer<Double>

  /// A matrix of zeros.
  public init(width: Int) {
    self.width = width
    sums = Buffer(count: width * width)
    block = Buffer(count: 0)
  }

  /// Adds rows, or with `isTransposed` the columns of `(width, count)` elements, that lie one after another in `elements`.
  ///
  /// - Precondition: `elements` holds `count * width` values.
  public func add(_ elements: [Float], count: Int, isTransposed: Bool = false) {
    precondition(elements.count >= count * width)
    guard count > 0, width > 0 else { return }
    if block.count < count * width { block = Buffer(count: count * width) }
    for index in 0..<count * width { block.row[index] = Double(elements[index]) }
    // Row-major: a block of rows is W, and WᵀW its product with itself; a block of columns is Wᵀ as it stands.
    unsafe cblas_dsyrk(
      CblasRowMajor, CblasUpper, isTransposed ? CblasNoTrans : CblasTrans, blasint(width), blasint(count), 1,
      block.base, blasint(isTransposed ? count : width), 1, sums.base, blasint(width))
  }

  /// The singular values of W, largest first; nil where W has elements that are not finite. Uses the sums up.
  ///
  /// The corresponding LAPACK function is `dsyevd`.
  public func takeSingularValues() -> [Double]? {
    guard width > 0 else { return [] }
    // A single such element is on the diagonal of its column.
    guard (0..<width).allSatisfy({ sums.row[$0 * width + $0].isFinite }) else { return nil }
    let values = Buffer<Double>(count: width)
    var (size, info) = (blasint(width), blasint(0))
    var workSize = blasint(2 * width + 1)
    var integerWorkSize = blasint(1)
    let work = Buffer<Double>(count: Int(workSize))
    let integerWork = Buffer<blasint>(count: 1)
    // LAPACK counts columns first: what is above the diagonal here is below it there.
    unsafe dsyevd_(
      "N", "L", &size, sums.base, &size, values.base, work.base, &workSize, integerWork.base,
      &integerWorkSize, &info, 1, 1)
    guard info == 0 else { return nil }
    return (0..<width).reversed().map { max(0, values.row[$0]).squareRoot() }
  }
}
