import RunData
import Statistics

/// How noisy the gradient of some tensors is, over a window of one or more runs.
public struct NoiseEstimate: Equatable, Sendable {
  /// |G|² over tr Σ, in 1/tokens: what all else follows from. Negative where chance made the signal's estimate so.
  public let signalByNoise: Estimate
  /// Where its interval comes from.
  public let method: IntervalMethod
  /// Mean tokens of a batch.
  public let tokens: Double
  /// Mean |g|² of a batch's gradient.
  public let squares: Double

  /// Puts some places together, in runs of which each has a record in the window.
  init(_ runs: [(series: NoiseSeries, records: Range<Int>)], places: some Sequence<Int>) {
    (signalByNoise, method) = RatioOfMeans.estimate(Self.samples(runs, places))
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    tokens = mean(runs.flatMap { run in run.records.map { run.series.tokens[$0] } })
    squares = mean(
      runs.flatMap { run in run.records.map { run.series.sums(places: places, record: $0).squares } })
  }

  /// |G|² over tr Σ alone, without an interval.
  static func signalByNoise(
    _ runs: [(series: NoiseSeries, records: Range<Int>)], places: some Sequence<Int>
  ) -> Double {
    let means = samples(runs, places).map(\.means)
    return means.reduce(0) { $0 + $1.numerator } / means.reduce(0) { $0 + $1.denominator }
  }

  private static func samples(
    _ runs: [(series: NoiseSeries, records: Range<Int>)], _ places: some Sequence<Int>
  ) -> [RatioOfMeans.Samples] {
    runs.map { run in
      let sums = run.records.map { run.series.sums(places: places, record: $0) }
      return RatioOfMeans.Samples(
        numerators: sums.map(\.signal), denominators: sums.map(\.noise), stretches: [0..<sums.count])
    }
  }

  /// Whether there is a signal that can be told from none.
  public var isResolved: Bool {
    guard signalByNoise.value > 0, signalByNoise.value.isFinite else { return false }
    if let interval = signalByNoise.interval { return interval.lower > 0 }
    // Too few steps for an interval is one thing, seeds that differ too much for one another.
    if case .none = method { return true }
    return false
  }

  /// The noise scale tr Σ / |G|² in tokens, at which noise and signal are equally large; undefined where the signal is not resolved.
  public var noiseScale: Estimate {
    guard isResolved else { return .undefined }
    return Estimate(
      value: 1 / signalByNoise.value,
      interval: signalByNoise.interval.map { Interval(lower: 1 / $0.upper, upper: 1 / $0.lower) })
  }

  /// What the noise scale is at least, where the signal is not resolved: the lower end of its interval; nil where nothing can be said.
  public var leastNoiseScale: Double? {
    guard !isResolved, let upper = signalByNoise.interval?.upper, upper > 0 else { return nil }
    return 1 / upper
  }

  /// The share of signal in |g|² at the batch in use: 1 / (1 + noise scale / batch); undefined where the signal is not resolved.
  public var signalShare: Estimate {
    isResolved ? signalByNoise.mapped { $0 * tokens / (1 + $0 * tokens) } : .undefined
  }
}
