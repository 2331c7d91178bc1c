import Kernels
import Testing

/// The sums that comparisons stand on, against plain float64 loops.
@Suite struct PairSumsTests {
  /// The same sums, one element after another, with compensated additions (Neumaier).
  private func reference(_ a: [Double], _ b: [Double]) -> PairSums {
    var sums = PairSums()
    sums.count = a.count
    sums.first.l1 = compensated(a.map(abs))
    sums.first.sumSquares = compensated(a.map { $0 * $0 })
    sums.second.l1 = compensated(b.map(abs))
    sums.second.sumSquares = compensated(b.map { $0 * $0 })
    sums.product = compensated(zip(a, b).map { $0 * $1 })
    sums.differenceSquares = compensated(zip(a, b).map { ($1 - $0) * ($1 - $0) })
    sums.unchanged = zip(a, b).count { $0.bitPattern == $1.bitPattern }
    for (index, pair) in zip(a, b).enumerated() where abs(pair.1 - pair.0) > sums.largestDifference {
      sums.largestDifference = abs(pair.1 - pair.0)
      sums.largestIndex = index
    }
    return sums
  }

  private func compensated(_ terms: [Double]) -> Double {
    var (sum, lost) = (0.0, 0.0)
    for term in terms {
      let next = sum + term
      lost += abs(sum) >= abs(term) ? (sum - next) + term : (term - next) + sum
      sum = next
    }
    return sum + lost
  }

  private func expectClose(
    _ found: PairSums, _ expected: PairSums, products: Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    // The bound that the kernel states, count · 2⁻⁵⁷ of the terms' magnitudes, and one rounding of each term.
    let bound = (Double(expected.count) / 16 + 2) * 0x1p-53
    func isNear(_ x: Double, _ y: Double, scale: Double) -> Bool { abs(x - y) <= bound * scale }
    let isClose =
      isNear(found.first.l1, expected.first.l1, scale: expected.first.l1)
      && isNear(found.first.sumSquares, expected.first.sumSquares, scale: expected.first.sumSquares)
      && isNear(found.second.l1, expected.second.l1, scale: expected.second.l1)
      && isNear(found.second.sumSquares, expected.second.sumSquares, scale: expected.second.sumSquares)
      && isNear(found.product, expected.product, scale: products)
      && isNear(found.differenceSquares, expected.differenceSquares, scale: expected.differenceSquares)
    #expect(isClose, "\(found) for \(expected)", sourceLocation: sourceLocation)
    #expect(found.count == expected.count, sourceLocation: sourceLocation)
    #expect(found.unchanged == expected.unchanged, sourceLocation: sourceLocation)
    #expect(found.largestDifference == expected.largestDifference, sourceLocation: sourceLocation)
    #expect(found.largestIndex == expected.largestIndex, sourceLocation: sourceLocation)
  }

  private func check(_ a: [Float], _ b: [Float], sourceLocation: SourceLocation = #_sourceLocation) {
    let (wideA, wideB) = (a.map(Double.init), b.map(Double.init))
    let products = zip(wideA, wideB).reduce(0) { $0 + abs($1.0 * $1.1) }
    let expected = reference(wideA, wideB)
    expectClose(
      pairSums(a, b, count: a.count), expected, products: products, sourceLocation: sourceLocation)
    expectClose(
      pairSums(wideA, wideB, count: a.count), expected, products: products, sourceLocation: sourceLocation)
  }

  @Test(arguments: [1, 2, 7, 8, 15, 16, 17, 31, 1000, 65_537])
  func matchesPlainSums(count: Int) {
    let a = (0..<count).map { (index: Int) -> Float in Float((index * 7919) % 1001 - 500) / 256 }
    // Every third element unchanged; multiples of 2⁻⁸, so that float32 differences are exact.
    let b = a.enumerated().map { (index: Int, value: Float) -> Float in
      index % 3 == 0 ? value : value + Float(index * 31 % 17 - 8) / 256
    }
    check(a, b)
  }

  /// Large elements of both signs that all but cancel in the product, beside small ones that float32 sums would lose.
  @Test func largeCancellationsAreSummedInDouble() {
    let count = 10_000
    let a = (0..<count).map { $0 % 100 == 0 ? Float(1 << 22) : 1 }
    let b = (0..<count).map { $0 % 200 == 0 ? -Float(1 << 22) : ($0 % 100 == 0 ? Float(1 << 22) : 1.5) }
    check(a, b)
    let sums = pairSums(a, b, count: count)
    // Fifty pairs of ±2⁴⁴ cancel to the last bit, which float32 (2²⁴) has none of; 9,900 products of 1 and 1.5 stay.
    #expect(sums.product == 9_900 * 1.5)
  }

  /// What 16-bit accumulation makes 256 of.
  @Test func fiveThousandOnes() {
    let ones = [Float](repeating: 1, count: 5_120)
    let sums = pairSums(ones, ones, count: ones.count)
    #expect(sums.first.l1 == 5_120 && sums.second.sumSquares == 5_120 && sums.product == 5_120)
    #expect(sums.differenceSquares == 0 && sums.unchanged == 5_120)
    #expect(sums.largestIndex == nil && sums.largestDifference == 0)
  }

  @Test func unchangedMeansTheSameBits() {
    let a: [Float] = [0, .nan, 1, 2]
    let b: [Float] = [-0.0, .nan, 1, 2.000_000_2]
    let sums = pairSums(a, b, count: 4)
    #expect(sums.unchanged == 2)
    #expect(sums.first.nonfinite == 1 && sums.second.nonfinite == 1)
    let zeros = pairSums([Float(0)], [Float(-0.0)], count: 1)
    #expect(zeros.unchanged == 0 && zeros.differenceSquares == 0 && zeros.largestIndex == nil)
  }

  @Test(arguments: [0, 5, 16, 99])
  func nonfiniteElementsAreCountedAndStay(position: Int) {
    for value in [Float.nan, .infinity, -.infinity] {
      let a = [Float](repeating: 2, count: 100)
      var b = a
      b[position] = value
      let sums = pairSums(a, b, count: 100)
      #expect(sums.first.nonfinite == 0 && sums.second.nonfinite == 1)
      #expect(!sums.differenceSquares.isFinite && !sums.second.l1.isFinite && sums.first.l1 == 200)
      #expect(sums.largestIndex == position && !sums.largestDifference.isFinite)
    }
  }

  @Test func doublesBeyondFloatsRange() {
    let sums = pairSums([1e200, 1e-300], [1e200, 3e-300], count: 2)
    #expect(sums.unchanged == 1 && sums.largestDifference == 3e-300 - 1e-300 && sums.largestIndex == 1)
    // Σx² overflows although every element is finite.
    #expect(sums.first.sumSquares == .infinity && sums.first.nonfinite == 0)
  }

  /// In float32 both differences would be 2²⁵, or infinite.
  @Test func theLargestDifferenceIsTakenInDouble() {
    let power = Float(1 << 24)
    #expect(pairSums([-power, -power], [power, power + 2], count: 2).largestIndex == 1)
    let greatest = Float.greatestFiniteMagnitude
    let sums = pairSums([-greatest], [greatest], count: 1)
    #expect(sums.largestDifference == 2 * Double(greatest))
  }

  @Test(arguments: [[1000], [1, 999], [500, 500], [16, 17, 967]])
  func windowsMergeToTheWhole(parts: [Int]) {
    let a = (0..<1000).map { (index: Int) -> Float in Float(index * 37 % 101 - 50) }
    let b = (0..<1000).map { (index: Int) -> Float in Float(index * 53 % 103 - 51) }
    var merged = PairSums()
    var start = 0
    for count in parts {
      let (partA, partB) = (Array(a[start..<start + count]), Array(b[start..<start + count]))
      merged = merged.merged(with: pairSums(partA, partB, count: count))
      start += count
    }
    // Integers: exact in float64 in any order.
    #expect(merged == pairSums(a, b, count: 1000))
  }

  @Test func emptyTensors() {
    #expect(pairSums([Float](), [Float](), count: 0) == PairSums())
  }
}
