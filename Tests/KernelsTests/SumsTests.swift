import Kernels
import RunData
import Testing

/// Sums over gradients: what the whole toolkit stands on.
@Suite struct SumsTests {
  private func sums(_ values: [Float], threads: Int = 2) -> TensorSums {
    let buffer = Buffer<Float>(count: values.count)
    buffer.row.assign(values)
    return SumKernel(team: Team(threadCount: threads)).sums(of: buffer.matrix(rows: 1, width: values.count))
  }

  @Test(arguments: [1, 2, 15, 16, 17, 63, 1000, 70_000])
  func matchesPlainSums(count: Int) {
    let values = (0..<count).map { (index: Int) -> Float in Float((index * 7919) % 1001 - 500) / 250 }
    let result = sums(values)
    let l1 = values.reduce(0.0) { $0 + Double($1.magnitude) }
    let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(result.count == count)
    // Both sums are float64; only the order of additions differs.
    #expect(abs(result.l1 - l1) <= 1e-12 * l1)
    #expect(abs(result.sumSquares - squares) <= 1e-12 * squares)
    #expect(result.maxAbs == values.map { Double($0.magnitude) }.max())
    #expect(result.zeros == values.count { $0 == 0 })
    #expect(result.nonfinite == 0)
  }

  /// Of many rows at once each has the sums that it has alone, whichever thread finds them.
  @Test(arguments: 1...4) func manyRowsAtOnce(threads: Int) {
    let counts = [0, 1, 17, 16_383, 16_384, 32_768, 32_773, 64, 100_000, 5]
    let rows = counts.map { Buffer<Float>(count: $0) }
    for (index, row) in rows.enumerated() {
      row.row.assign((0..<counts[index]).map { Float(($0 * 7919 + index) % 1001 - 500) / 250 })
    }
    rows[4].row[77] = .nan
    let kernel = SumKernel(team: Team(threadCount: threads))
    let together = kernel.sums(of: rows.map(\.row))
    for (index, row) in rows.enumerated() {
      let alone = kernel.sums(of: row.matrix(rows: 1, width: counts[index]))
      #expect("\(together[index])" == "\(alone)", "row \(index)")
    }
    #expect(together[4].nonfinite == 1)
  }

  /// Rows that do not lie back to back too, as columns of a wider matrix do not.
  @Test(arguments: [1, 2, 15, 16, 17, 63, 1000])
  func outputSumsHaveFourthPowers(width: Int) {
    let values = (0..<3 * (width + 5)).map { (index: Int) -> Float in Float(index * 7919 % 1001 - 500) / 250 }
    let buffer = Buffer<Float>(count: values.count)
    buffer.row.assign(values)
    let matrix = buffer.matrix(rows: 3, width: width + 5).columns(2..<2 + width)
    let kernel = SumKernel(team: Team(threadCount: 2))
    let found = kernel.outputSums(of: matrix)
    #expect(found.sums == kernel.sums(of: matrix))
    let elements = (0..<3).flatMap { row in (2..<2 + width).map { Double(values[row * (width + 5) + $0]) } }
    let expected = elements.reduce(0) { $0 + $1 * $1 * $1 * $1 }
    #expect(abs(found.fourthPowers - expected) <= 1e-12 * expected)
  }

  /// What float32 accumulation loses: ones beside 2²⁴, in every lane.
  @Test func accumulatesInDouble() {
    let values = Array(repeating: Float(16_777_216), count: 64) + Array(repeating: Float(1), count: 10_000)
    let result = sums(values)
    #expect(result.l1 == 64 * 16_777_216 + 10_000)
    #expect(result.sumSquares == 64 * 16_777_216.0 * 16_777_216.0 + 10_000)
  }

  @Test(arguments: [0, 5, 16, 99])
  func nonfiniteValuesAreCountedAndStay(position: Int) {
    for value in [Float.nan, .infinity, -.infinity] {
      var values = Array(repeating: Float(2), count: 100)
      values[position] = value
      let result = sums(values)
      #expect(result.nonfinite == 1)
      #expect(!result.l1.isFinite && !result.sumSquares.isFinite && !result.maxAbs.isFinite)
      #expect(result.maxAbs.isNaN == value.isNaN)
    }
  }

  @Test(arguments: 1...5)
  func threadCountDoesNotChangeCountsOrMaximum(threads: Int) {
    let values = (0..<100_003).map { (index: Int) -> Float in Float((index * 31) % 997 - 498) }
    let one = sums(values, threads: 1)
    let many = sums(values, threads: threads)
    #expect((one.count, one.zeros, one.nonfinite) == (many.count, many.zeros, many.nonfinite))
    #expect(one.maxAbs == many.maxAbs)
    // Integers: exact in float64 in any order.
    #expect(one.l1 == many.l1 && one.sumSquares == many.sumSquares)
  }
}
