/// The ends of a 95 % interval.
public struct Interval: Equatable, Sendable {
  /// The lower end.
  public var lower: Double
  /// The upper end.
  public var upper: Double

  /// Creates an interval.
  public init(lower: Double, upper: Double) {
    self.lower = lower
    self.upper = upper
  }
}

/// A number with its 95 % interval.
public struct Estimate: Equatable, Sendable {
  /// The number; not a number where it is undefined.
  public var value: Double
  /// Its interval; nil where there is none to give.
  public var interval: Interval?

  /// Creates an estimate.
  public init(value: Double, interval: Interval?) {
    self.value = value
    self.interval = interval
  }

  /// What is said where a number has no meaning.
  package static let undefined = Estimate(value: .nan, interval: nil)

  /// The mean of independent numbers, one a seed: from three on with Student's t; undefined of none.
  package static func mean(of samples: [Double]) -> Estimate {
    guard !samples.isEmpty else { return .undefined }
    return Estimate(
      value: samples.reduce(0, +) / Double(samples.count),
      interval: samples.count < 3 ? nil : StudentT.interval(of: samples))
  }

  /// Both ends and the value through an increasing function.
  package func mapped(_ transform: (Double) -> Double) -> Estimate {
    Estimate(
      value: transform(value),
      interval: interval.map { Interval(lower: transform($0.lower), upper: transform($0.upper)) })
  }
}

/// Where the intervals of a mismatch come from.
public enum IntervalMethod: Equatable, Sendable {
  /// Student's t over seeds, on the logarithmic scale.
  case seeds(Int)
  /// A moving-block bootstrap over the recorded steps of each run; records and block length are the first run's.
  case steps(runs: Int, records: Int, blockLength: Int)
  /// There is none, and why.
  case none(String)

  /// What a table's row says: `3 seeds`, or with the block length `300 steps (12)`.
  public var summary: String {
    switch self {
    case .seeds(let count): return "\(count) seeds"
    case .steps(let runs, let records, let blockLength):
      return (runs > 1 ? "\(runs) × " : "") + "\(records) steps (\(blockLength))"
    case .none(let reason): return reason
    }
  }
}
