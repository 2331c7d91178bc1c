import Statistics

/// Ratios of sums over samples (documents, stretches of a text, examples) with intervals from one bootstrap, so that differences between
/// models are paired: each resample takes the same samples of all.
struct Resampling {
  /// A quotient of two sums: the numerator and the denominator of each sample.
  struct Ratio {
    let numerators: [Double]
    let denominators: [Double]

    /// The quotient over all samples; not a number where it has none.
    var value: Double { numerators.reduce(0, +) / denominators.reduce(0, +) }
  }

  /// Ratios as the samples have them.
  let values: [Double]
  private let resamples: [Double]?
  private let tailShare: Double

  /// Fewer samples give no interval.
  static let fewestSamples = 10

  /// - Parameter blockLength: samples that are drawn together; 1 where they are independent.
  init(_ ratios: [Ratio], blockLength: Int) {
    values = ratios.map(\.value)
    let count = ratios.first?.numerators.count ?? 0
    guard count >= Self.fewestSamples else {
      (resamples, tailShare) = (nil, 0)
      return
    }
    let width = ratios.count
    var sums = Array(repeating: 0.0, count: (count + 1) * width)
    var counts = sums
    for (column, ratio) in ratios.enumerated() {
      for sample in 0..<count {
        sums[(sample + 1) * width + column] = sums[sample * width + column] + ratio.numerators[sample]
        counts[(sample + 1) * width + column] = counts[sample * width + column] + ratio.denominators[sample]
      }
    }
    resamples = BlockBootstrap(stretches: [0..<count], blockLength: blockLength).resampledMeans(
      prefixSums: sums, prefixCounts: counts, layerCount: width)
    tailShare = BlockBootstrap.tailShare(blockCount: count / blockLength)
  }

  /// A ratio with its interval.
  func estimate(_ ratio: Int) -> Estimate { estimate { $0(ratio) } }

  /// One ratio less another, paired.
  func difference(_ ratio: Int, _ other: Int) -> Estimate { estimate { $0(ratio) - $0(other) } }

  private func estimate(_ value: ((Int) -> Double) -> Double) -> Estimate {
    let interval = resamples.flatMap { resamples in
      let width = values.count
      return BlockBootstrap.percentileInterval(
        of: (0..<BlockBootstrap.resampleCount).map { row in value { resamples[row * width + $0] } },
        tailShare: tailShare)
    }
    return Estimate(value: value { values[$0] }, interval: interval)
  }

  /// How many samples that follow each other are drawn together, so that what they have in common counts once.
  static func blockLength(for ratio: Ratio) -> Int {
    let mean = ratio.value
    guard mean.isFinite, ratio.numerators.count >= fewestSamples else { return 1 }
    let influence = zip(ratio.numerators, ratio.denominators).map { $0 - mean * $1 }
    return BlockLength.optimal(for: influence)
  }
}
