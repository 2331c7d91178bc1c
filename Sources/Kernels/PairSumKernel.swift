/// The sums of two series on this thread, all in float64.
///
/// Each product and difference of float32 elements is exact or rounded once in float64, and each of the sixteen chains of additions
/// runs over count / 16 terms, so a sum's error is at most count · 2⁻⁵⁷ of the sum of its terms' magnitudes: for a window of 2¹⁶
/// elements 5e-13.
///
/// - Precondition: both have at least `count` elements.
public func pairSums<Scalar: KernelScalar>(_ first: [Scalar], _ second: [Scalar], count: Int) -> PairSums {
  precondition(count >= 0 && count <= first.count && count <= second.count, "\(count) elements of too few")
  return unsafe first.withUnsafeBufferPointer { first in
    unsafe second.withUnsafeBufferPointer { second in
      guard let first = first.baseAddress, let second = second.baseAddress, count > 0 else {
        return PairSums()
      }
      // Rows are only read here.
      let rows = unsafe (UnsafeMutablePointer(mutating: first), UnsafeMutablePointer(mutating: second))
      return unsafe pairSums(Row(base: rows.0, count: count), Row(base: rows.1, count: count))
    }
  }
}

@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
func pairSums<Scalar: KernelScalar>(_ first: Row<Scalar>, _ second: Row<Scalar>) -> PairSums {
  var sides = (SideLanes(), SideLanes())
  var products = DoubleLanes()
  var squares = DoubleLanes()
  var largest = DoubleLanes()
  var unchanged = 0
  forEachLanes(of: Scalar.self, in: 0..<first.count) { index, count in
    let a = first.lanes(index, count)
    let b = second.lanes(index, count)
    let wideA = Scalar.widened(a)
    let wideB = Scalar.widened(b)
    sides.0.add(wideA)
    sides.1.add(wideB)
    products.addProduct(wideA, wideB)
    let difference = (wideB.0 - wideA.0, wideB.1 - wideA.1)
    squares.addProduct(difference, difference)
    largest.keepMaxima(of: difference)
    // Padding lanes are equal and not there.
    unchanged += Scalar.countSameBits(a, b) - (Row<Scalar>.laneCount - count)
  }
  var sums = PairSums()
  sums.count = first.count
  sums.first = sides.0.sums
  sums.second = sides.1.sums
  sums.product = products.sum
  sums.differenceSquares = squares.sum
  sums.unchanged = unchanged
  if !sums.first.isFinite || !sums.second.isFinite { countNonfinite(first, second, &sums) }
  if unchanged < sums.count { locate(largest.maximum, first, second, &sums) }
  return sums
}

/// Eight chains of additions for each half of a vector.
private struct DoubleLanes {
  var low = SIMD8<Double>()
  var high = SIMD8<Double>()

  @inline(__always)
  mutating func addProduct(
    _ x: (SIMD8<Double>, SIMD8<Double>), _ y: (SIMD8<Double>, SIMD8<Double>)
  ) {
    low.addProduct(x.0, y.0)
    high.addProduct(x.1, y.1)
  }

  @inline(__always)
  mutating func keepMaxima(of x: (SIMD8<Double>, SIMD8<Double>)) {
    low = Double.maximum(low, Double.magnitude(x.0))
    high = Double.maximum(high, Double.magnitude(x.1))
  }

  var sum: Double { (low + high).sum() }
  var maximum: Double { largest(Double.maximum(low, high)) }
}

/// The sums of one side.
private struct SideLanes {
  var magnitudes = DoubleLanes()
  var squares = DoubleLanes()

  @inline(__always)
  mutating func add(_ x: (SIMD8<Double>, SIMD8<Double>)) {
    magnitudes.low += Double.magnitude(x.0)
    magnitudes.high += Double.magnitude(x.1)
    squares.addProduct(x, x)
  }

  var sums: PairSums.Side {
    var side = PairSums.Side()
    side.l1 = magnitudes.sum
    side.sumSquares = squares.sum
    return side
  }
}

extension PairSums.Side {
  fileprivate var isFinite: Bool { l1.isFinite && sumSquares.isFinite }
}

private func countNonfinite<Scalar: KernelScalar>(
  _ first: Row<Scalar>, _ second: Row<Scalar>, _ sums: inout PairSums
) {
  for index in 0..<first.count {
    if !first[index].isFinite { sums.first.nonfinite += 1 }
    if !second[index].isFinite { sums.second.nonfinite += 1 }
  }
}

/// The first element whose difference is the largest one.
private func locate<Scalar: KernelScalar>(
  _ largest: Double, _ first: Row<Scalar>, _ second: Row<Scalar>, _ sums: inout PairSums
) {
  sums.largestDifference = largest
  sums.largestIndex = (0..<first.count).first { index in
    let difference = abs(Double(second[index]) - Double(first[index]))
    // Zeros of both signs have other bits and no difference: those are not looked for.
    return difference == largest && first[index] != second[index] || (largest.isNaN && difference.isNaN)
  }
}
