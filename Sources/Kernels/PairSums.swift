/// The sums of two equally long series of numbers, side by side: what comparisons are derived from.
///
/// All sums are over elements and can be merged; ratios, norms and cosines are taken of merged sums only.
public struct PairSums: BitwiseCopyable, Equatable, Sendable {
  /// What is kept of one side.
  public struct Side: BitwiseCopyable, Equatable, Sendable {
    /// Σ|x|.
    public var l1 = 0.0
    /// Σx².
    public var sumSquares = 0.0
    /// Elements that are not finite. Any makes the sums non-finite too.
    public var nonfinite = 0

    /// No element.
    public init() {}
  }

  /// Elements of either side.
  public var count = 0
  /// The first side, a.
  public var first = Side()
  /// The second side, b.
  public var second = Side()
  /// Σab.
  public var product = 0.0
  /// Σ(b - a)².
  public var differenceSquares = 0.0
  /// max|b - a|; not a number where any difference is none.
  public var largestDifference = 0.0
  /// Where the largest difference lies first; nil where all elements are equal, or none is there.
  public var largestIndex: Int?
  /// Elements with the same bits on both sides.
  public var unchanged = 0

  /// No element.
  public init() {}

  /// The sums of these elements followed by those of `next`.
  public func merged(with next: PairSums) -> PairSums {
    var result = self
    result.count += next.count
    result.first = first.merged(with: next.first)
    result.second = second.merged(with: next.second)
    result.product += next.product
    result.differenceSquares += next.differenceSquares
    result.unchanged += next.unchanged
    if next.exceeds(self) {
      result.largestDifference = next.largestDifference
      result.largestIndex = next.largestIndex.map { count + $0 }
    }
    return result
  }

  /// Whether the largest difference is above another's; nothing is above a not-a-number.
  public func exceeds(_ other: PairSums) -> Bool {
    guard !other.largestDifference.isNaN else { return false }
    return largestDifference.isNaN || largestDifference > other.largestDifference
  }
}

extension PairSums.Side {
  func merged(with next: Self) -> Self {
    var result = self
    result.l1 += next.l1
    result.sumSquares += next.sumSquares
    result.nonfinite += next.nonfinite
    return result
  }
}
