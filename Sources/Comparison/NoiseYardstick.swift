import Analysis
import RealModule
import Statistics

/// How a change compares with the differences between seeds.
struct NoiseYardstick: Equatable {
  /// The geometric mean over all pairs of seeds of their relative differences.
  let noise: Double
  /// The change over ``noise``. With three seeds or more the interval is the noise's: Student's t over the jackknife's
  /// pseudo-values of log10 of the noise, one a seed, which is the usual interval of a mean over pairs (Arvesen 1969).
  let ratio: Estimate

  /// - Parameters:
  ///   - change: a relative difference.
  ///   - differences: relative differences of the seeds' pairs, in the order of `pairs`.
  init(change: Double, differences: [Double], pairs: [(first: Int, second: Int)], seedCount: Int) {
    let logarithms = differences.map { Double.log10($0) }
    let mean = logarithms.reduce(0, +) / Double(logarithms.count)
    noise = Double.pow(10, mean)
    // Of a tensor that is zero, nothing relative can be said.
    let value = change.isFinite && noise.isFinite ? change / noise : .nan
    guard seedCount >= 3, logarithms.allSatisfy(\.isFinite), value.isFinite, value > 0 else {
      ratio = Estimate(value: value, interval: nil)
      return
    }
    let pseudoValues = (0..<seedCount).map { seed in
      let others = zip(pairs, logarithms).filter { $0.0.first != seed && $0.0.second != seed }.map(\.1)
      let without = others.reduce(0, +) / Double(others.count)
      return Double(seedCount) * mean - Double(seedCount - 1) * without
    }
    let interval = StudentT.interval(of: pseudoValues)
    ratio = Estimate(
      value: value,
      interval: Interval(
        lower: change / Double.pow(10, interval.upper), upper: change / Double.pow(10, interval.lower)))
  }

  /// Whether the change is larger than noise: the interval lies above 1, or without one the ratio does.
  var isAboveNoise: Bool { (ratio.interval?.lower ?? ratio.value) > 1 }
}

extension CheckpointComparison {
  /// The yardstick of a group; nil without one, or where a pair of seeds lacks the group's tensors.
  func yardstick(_ group: ComparedGroup) -> NoiseYardstick? {
    guard !noisePairs.isEmpty, let change = group.statistics(pair: 0)?.relativeDifference else { return nil }
    let differences = noisePairs.indices.compactMap { group.statistics(pair: $0 + 1)?.relativeDifference }
    guard differences.count == noisePairs.count else { return nil }
    return NoiseYardstick(change: change, differences: differences, pairs: noisePairs, seedCount: noiseCount)
  }
}
