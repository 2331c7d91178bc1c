import Kernels

/// Sets scales on residuals while a first batch passes: Admin's profiling (Liu et al. 2020, arXiv 2004.08249), as the authors' code has it.
///
/// The first scale is 1; each one after it √(Var(w x) + Var(f)) of the sum before, so that a branch's share of its sum falls with depth.
/// Variances run over all elements of a batch, in float64.
final class ResidualProfile<Scalar: KernelScalar> {
  /// The parameter itself, by layer and index among the layer's: operations may read a rounded copy of it.
  private let parameters: (Int, Int) -> Row<Scalar>
  private var next = 1.0

  init(parameters: @escaping (Int, Int) -> Row<Scalar>) { self.parameters = parameters }

  /// Sets a scale, whose sum is about to be made.
  ///
  /// - Parameters:
  ///   - scale: what the sum reads, `(width)`.
  ///   - residual: `(rows, width)`.
  ///   - branch: `(rows, width)`.
  func set(
    _ scale: Row<Scalar>, residual: Matrix<Scalar>, branch: Matrix<Scalar>, layer: Int, _ index: Int
  ) {
    let value = Scalar(next)
    for row in [scale, parameters(layer, index)] {
      for element in 0..<row.count { row[element] = value }
    }
    let own = Double(value)
    next = (own * own * variance(residual) + variance(branch)).squareRoot()
  }

  private func variance(_ matrix: Matrix<Scalar>) -> Double {
    let count = Double(matrix.rows * matrix.width)
    func mean(_ value: (Double) -> Double) -> Double {
      var sum = 0.0
      for row in 0..<matrix.rows {
        for column in 0..<matrix.width { sum += value(Double(matrix[row][column])) }
      }
      return sum / count
    }
    let centre = mean { $0 }
    return mean { ($0 - centre) * ($0 - centre) }
  }
}
