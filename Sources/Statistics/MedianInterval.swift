/// The median of independent numbers with an interval that assumes nothing of how they are distributed.
public enum MedianInterval {
  /// The fewest numbers whose least and greatest hold the median in between with 95 %.
  public static let fewestSamples = 6

  /// The two order statistics, as many from each end, that lie closest and still hold the median in between with 95 % or more (Conover, "Practical
  /// Nonparametric Statistics", 3.2); no interval of fewer than ``fewestSamples``.
  public static func estimate(of samples: [Double]) -> Estimate {
    guard !samples.isEmpty else { return .undefined }
    let sorted = samples.sorted()
    let value = quantile(0.5, ofSorted: sorted)
    // P(fewer than k of n lie below the median), from the binomial distribution with p = 1/2.
    var term = 1.0
    for _ in samples { term /= 2 }
    var (below, reach) = (0.0, 0)
    while reach < samples.count / 2, below + term <= 0.025 {
      below += term
      reach += 1
      term *= Double(samples.count - reach + 1) / Double(reach)
    }
    guard reach > 0 else { return Estimate(value: value, interval: nil) }
    return Estimate(
      value: value, interval: Interval(lower: sorted[reach - 1], upper: sorted[samples.count - reach]))
  }
}
