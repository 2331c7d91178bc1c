/// How the interval of a mean over seeds is found.
public enum IntervalRule: String, Sendable, Codable, CaseIterable {
  /// Student's t, for a number of seeds that was decided beforehand.
  case fixed
  /// A ``ConfidenceSequence``, for seeds that were added until something was decided.
  case anytime

  /// Seeds from which on there is an interval.
  package var fewestSeeds: Int { self == .fixed ? 3 : 4 }

  /// Half the interval's width in standard deviations of one seed; infinite where so few seeds say nothing.
  package func reach(count: Int) -> Double {
    switch self {
    case .fixed:
      count < fewestSeeds
        ? .infinity
        : StudentT.quantile(central: 0.95, degreesOfFreedom: count - 1) / Double(count).squareRoot()
    case .anytime: ConfidenceSequence.reach(count: count)
    }
  }

  /// The mean of independent numbers, one a seed, with its interval; undefined of none.
  package func mean(of samples: [Double]) -> Estimate {
    switch self {
    case .fixed: return .mean(of: samples)
    case .anytime:
      guard !samples.isEmpty else { return .undefined }
      return Estimate(
        value: samples.reduce(0, +) / Double(samples.count),
        interval: ConfidenceSequence.interval(of: samples))
    }
  }

  /// For the foot of a table.
  package var words: String {
    switch self {
    case .fixed: "Student's t"
    case .anytime: "a confidence sequence, which holds after however many looks"
    }
  }

  /// The same inside a sentence that goes on.
  package var clause: String { self == .anytime ? words + "," : words }
}
