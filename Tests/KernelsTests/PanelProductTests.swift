import Testing

@testable import Kernels

/// Products of panels, whole and of parts, against loops over single numbers.
@Suite struct PanelProductTests {
  /// Rows, steps and columns: whole tiles and panels, less than one, and some beyond.
  static let sizes = [(6, 8, 16), (1, 1, 1), (5, 3, 7), (13, 20, 33), (12, 5, 32), (48, 17, 40)]

  /// Rows that lie apart, as heads of one matrix do.
  private struct Values<Scalar: KernelScalar> {
    let buffer: Buffer<Scalar>
    let matrix: Matrix<Scalar>

    init(_ rows: Int, _ width: Int, seed: Int) {
      buffer = Buffer(count: rows * (width + 3))
      buffer.row.assign(wave(buffer.count, seed).map { Scalar($0) })
      matrix = buffer.row.matrix(width: width + 3).columns(1..<width + 1)
    }
  }

  private func check<Scalar: KernelScalar>(
    _ size: (Int, Int, Int), isTransposed: Bool, ofColumns: Bool, tolerance: Double, _: Scalar.Type
  ) {
    let (rows, steps, width) = size
    let left = Values<Scalar>(isTransposed ? steps : rows, isTransposed ? rows : steps, seed: 7)
    let right = Values<Scalar>(ofColumns ? width : steps, ofColumns ? steps : width, seed: 11)
    let sums = Values<Scalar>(rows, width, seed: 13)
    defer { withExtendedLifetime((left, right, sums)) {} }
    let (a, b, output) = (left.matrix, right.matrix, sums.matrix)
    // In two parts, as a sequence behind its prefix has them.
    let cut = (ofColumns ? width : steps) / 3
    let parts = [b.rows(0..<cut), b.rows(cut..<b.rows)].filter { $0.rows > 0 }
    let scratch = Buffer<Scalar>(count: Panels<Scalar>.scratchCount(rows: steps, width: width))
    defer { withExtendedLifetime(scratch) {} }
    let panels =
      ofColumns ? Panels(transposed: parts, scratch: scratch.row) : Panels(parts, scratch: scratch.row)
    let before = (0..<rows).map { output[$0].array() }
    // Row r sees columns up to 2 r + 3, and has steps from r / 2 on.
    func columns(_ rows: Range<Int>) -> Range<Int> { 0..<min(width, 2 * rows.upperBound + 1) }
    func firstStep(_ row: Int) -> Int { min(steps, row / 2) }
    product(
      LeftFactor(a, isTransposed: isTransposed), panels, alpha: 2, accumulating: true, into: output,
      columns: columns, steps: { firstStep($0.lowerBound)..<steps })
    for row in 0..<rows {
      let tileStart = row / 6 * 6
      for column in 0..<columns(row..<row + 1).upperBound {
        let sum = (firstStep(tileStart)..<steps).reduce(0.0) { sum, step in
          let left = isTransposed ? a[step][row] : a[row][step]
          return sum + Double(left) * Double(ofColumns ? b[column][step] : b[step][column])
        }
        #expect(abs(Double(output[row][column]) - Double(before[row][column]) - 2 * sum) <= tolerance)
      }
      // Beyond the last panel that a tile sees, nothing is touched.
      let seen = columns(tileStart..<min(rows, tileStart + 6)).upperBound
      let end = (seen + 31) / 32 * 32
      for column in 0..<width where column >= end { #expect(output[row][column] == before[row][column]) }
    }
  }

  /// Sums of at most 20 terms below 1: a few of the last places of their type.
  @Test(arguments: sizes, [false, true])
  func areThoseOfLoops(size: (Int, Int, Int), isTransposed: Bool) {
    for ofColumns in [false, true] {
      check(size, isTransposed: isTransposed, ofColumns: ofColumns, tolerance: 1e-14, Double.self)
      check(size, isTransposed: isTransposed, ofColumns: ofColumns, tolerance: 1e-5, Float.self)
    }
  }
}
