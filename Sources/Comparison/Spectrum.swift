import Checkpoints
import Glibc
import Kernels

/// The singular values σ₁ ≥ σ₂ ≥ … of a matrix, and what is derived from them.
public struct Spectrum: Equatable, Sendable {
  /// The largest singular values, largest first.
  public let largest: [Double]
  /// Σσ² / σ₁² (Rudelson and Vershynin 2007).
  public let stableRank: Double
  /// e to the entropy of σ / Σσ (Roy and Vetterli 2007).
  public let effectiveRank: Double

  /// - Parameter values: all singular values, largest first.
  init(_ values: [Double], keeping count: Int) {
    largest = Array(values.prefix(count))
    guard let first = values.first, first > 0 else {
      (stableRank, effectiveRank) = (.nan, .nan)
      return
    }
    stableRank = values.reduce(0) { $0 + ($1 / first) * ($1 / first) }
    let sum = values.reduce(0, +)
    let shares = values.map { $0 / sum }.filter { $0 > 0 }
    effectiveRank = exp(-shares.reduce(0) { $0 + $1 * log($1) })
  }

  /// The most rows or columns, whichever are fewer, of a matrix whose spectrum is computed: its Gram matrix has the square of that
  /// in float64.
  static let largestSide = 4096
  /// Elements that are read at a time.
  private static let blockSize = 1 << 21

  /// The spectrum of a matrix; nil where it has elements that are not finite.
  ///
  /// - Precondition: the tensor has two dimensions, the smaller at most ``largestSide``.
  init?(of tensor: SideTensor, in side: ComparisonSide, keeping count: Int) throws {
    let (rows, columns) = (tensor.shape[0], tensor.shape[1])
    let gram = GramMatrix(width: min(rows, columns))
    if columns <= rows {
      try Self.addRows(of: tensor, in: side, to: gram)
    } else {
      try Self.addColumns(of: tensor, in: side, to: gram)
    }
    guard let values = gram.takeSingularValues() else { return nil }
    self.init(values, keeping: count)
  }

  private static func addRows(of tensor: SideTensor, in side: ComparisonSide, to gram: GramMatrix) throws {
    let (rows, columns) = (tensor.shape[0], tensor.shape[1])
    let step = max(1, blockSize / max(columns, 1))
    var block = [Float](repeating: 0, count: min(step, rows) * columns)
    for start in stride(from: 0, to: rows, by: step) {
      let count = min(step, rows - start)
      try side.read(tensor, start * columns..<(start + count) * columns, into: &block)
      gram.add(block, count: count)
    }
  }

  private static func addColumns(of tensor: SideTensor, in side: ComparisonSide, to gram: GramMatrix) throws {
    let (rows, columns) = (tensor.shape[0], tensor.shape[1])
    let step = max(1, blockSize / max(rows, 1))
    var block = [Float](repeating: 0, count: min(step, columns) * rows)
    for start in stride(from: 0, to: columns, by: step) {
      let count = min(step, columns - start)
      for row in 0..<rows {
        let first = row * columns + start
        try side.read(tensor, first..<first + count, into: &block, at: row * count)
      }
      gram.add(block, count: count, isTransposed: true)
    }
  }
}
