/// The distribution of some numbers: what a box plot shows of them, and how many lie near 0 and 1.
///
/// Quartiles are linear between order statistics (``quantile(_:ofSorted:)``); a whisker ends at the furthest number within
/// 1.5 interquartile ranges of the box (Tukey 1977).
public struct BoxSummary: Equatable, Sendable {
  /// Numbers that are finite: all that follows is of these, and not a number where there are none.
  public let count: Int
  /// Numbers that are infinite or none at all.
  public let nonfiniteCount: Int
  /// The smallest.
  public let minimum: Double
  /// Where the lower whisker ends.
  public let lowerWhisker: Double
  /// A quarter lies below.
  public let firstQuartile: Double
  /// Half lies below.
  public let median: Double
  /// Three quarters lie below.
  public let thirdQuartile: Double
  /// Where the upper whisker ends.
  public let upperWhisker: Double
  /// The largest.
  public let maximum: Double
  /// The arithmetic mean.
  public let mean: Double
  /// Mean of |x - 1|: how far gains that begin at 1 have moved.
  public let distanceFromOne: Double
  /// The share with |x| <= tolerance.
  public let shareNearZero: Double
  /// The share with |x - 1| <= tolerance.
  public let shareNearOne: Double
  /// Numbers beyond the whiskers, ascending.
  public let outliers: [Double]

  /// Summarises numbers in any order.
  public init(of values: [Double], near tolerance: Double) {
    let sorted = values.filter(\.isFinite).sorted()
    count = sorted.count
    nonfiniteCount = values.count - sorted.count
    func share(_ isNear: (Double) -> Bool) -> Double {
      sorted.isEmpty ? .nan : Double(sorted.count(where: isNear)) / Double(sorted.count)
    }
    shareNearZero = share { abs($0) <= tolerance }
    shareNearOne = share { abs($0 - 1) <= tolerance }
    mean = sorted.reduce(0, +) / Double(sorted.count)
    distanceFromOne = sorted.reduce(0) { $0 + abs($1 - 1) } / Double(sorted.count)
    (minimum, maximum) = (sorted.first ?? .nan, sorted.last ?? .nan)
    let quartiles = [0.25, 0.5, 0.75].map { sorted.isEmpty ? .nan : quantile($0, ofSorted: sorted) }
    (firstQuartile, median, thirdQuartile) = (quartiles[0], quartiles[1], quartiles[2])
    let reach = 1.5 * (quartiles[2] - quartiles[0])
    let (low, high) = (quartiles[0] - reach, quartiles[2] + reach)
    // Where no number lies between fence and box, the whisker has no length.
    lowerWhisker = min(sorted.first { $0 >= low } ?? .nan, quartiles[0])
    upperWhisker = max(sorted.last { $0 <= high } ?? .nan, quartiles[2])
    outliers = sorted.filter { $0 < low || $0 > high }
  }
}
