/// The sums of two series on this thread, all in float64.
///
/// Products of float32 elements are exact in float64 and differences rounded once. Each sum is sixteen chains of additions over
/// count / 16 terms (eight for float64 elements), so its error is at most count · 2⁻⁵⁷ (2⁻⁵⁶) of the sum of its terms'
/// magnitudes: for a window of 2¹⁶ float32 elements 5e-13.
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
  let laneCount = Row<Scalar>.laneCount
  var (low, high) = (PairLanes(), PairLanes())
  var sums = PairSums()
  var largestBlock = 0..<0
  // Blocks, so that the largest difference is looked for in one of them only, and Float lanes count exactly.
  for start in stride(from: 0, to: first.count, by: 1 << 12) {
    let block = start..<min(start + 1 << 12, first.count)
    var sameBits = Scalar.Lanes()
    var index = block.lowerBound
    while index + laneCount <= block.upperBound {
      let (a, b) = (first.wideLanes(index), second.wideLanes(index))
      low.add(a.0, b.0)
      high.add(a.1, b.1)
      sameBits = Scalar.countSameBits(
        first.lanes(index, laneCount), second.lanes(index, laneCount), adding: sameBits)
      index += laneCount
    }
    if index < block.upperBound {
      let rest = block.upperBound - index
      let (a, b) = (first.lanes(index, rest), second.lanes(index, rest))
      low.add(Scalar.widened(a).0, Scalar.widened(b).0)
      high.add(Scalar.widened(a).1, Scalar.widened(b).1)
      sameBits = Scalar.countSameBits(a, b, adding: sameBits)
      // Padding lanes are equal and not there.
      sums.unchanged -= laneCount - rest
    }
    sums.unchanged += Int(sameBits.sum())
    let maximum = largest(Double.maximum(low.takeLargest(), high.takeLargest()))
    if maximum > sums.largestDifference || (maximum.isNaN && !sums.largestDifference.isNaN) {
      (sums.largestDifference, largestBlock) = (maximum, block)
    }
  }
  low.add(to: &sums)
  high.add(to: &sums)
  sums.count = first.count
  if !sums.first.isFinite || !sums.second.isFinite { countNonfinite(first, second, &sums) }
  sums.largestIndex = index(ofDifference: sums.largestDifference, first, second, in: largestBlock)
  return sums
}

/// Chains of additions, eight for each sum.
private struct PairLanes {
  private var firstMagnitudes = SIMD8<Double>()
  private var firstSquares = SIMD8<Double>()
  private var secondMagnitudes = SIMD8<Double>()
  private var secondSquares = SIMD8<Double>()
  private var products = SIMD8<Double>()
  private var differenceSquares = SIMD8<Double>()
  private var largest = SIMD8<Double>()

  @inline(__always)
  mutating func add(_ a: SIMD8<Double>, _ b: SIMD8<Double>) {
    firstMagnitudes += Double.magnitude(a)
    firstSquares.addProduct(a, a)
    secondMagnitudes += Double.magnitude(b)
    secondSquares.addProduct(b, b)
    products.addProduct(a, b)
    let difference = b - a
    differenceSquares.addProduct(difference, difference)
    largest = Double.maximum(largest, Double.magnitude(difference))
  }

  /// The largest differences since the last call.
  mutating func takeLargest() -> SIMD8<Double> {
    defer { largest = SIMD8() }
    return largest
  }

  func add(to sums: inout PairSums) {
    sums.first.l1 += firstMagnitudes.sum()
    sums.first.sumSquares += firstSquares.sum()
    sums.second.l1 += secondMagnitudes.sum()
    sums.second.sumSquares += secondSquares.sum()
    sums.product += products.sum()
    sums.differenceSquares += differenceSquares.sum()
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

/// The first element whose difference is the largest one; nil for a block without any difference.
private func index<Scalar: KernelScalar>(
  ofDifference largest: Double, _ first: Row<Scalar>, _ second: Row<Scalar>, in block: Range<Int>
) -> Int? {
  block.first { index in
    let difference = abs(Double(second[index]) - Double(first[index]))
    return difference == largest || (largest.isNaN && difference.isNaN)
  }
}
