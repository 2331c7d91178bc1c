import RealModule

/// Intervals of contrasts of a profile: over seeds where there are three or more, else over steps.
package struct IntervalSampler {
  /// The fewest records from which an interval over steps is made.
  package static let fewestRecords = 10

  /// Where the intervals come from.
  package let method: IntervalMethod
  /// log10 of the profile in each sample (a seed, or a resample), `(sample)(layer)`.
  private let samples: [[Double]]
  /// The share of resamples that an interval leaves out on either side.
  private let tailShare: Double

  /// - Parameters:
  ///   - runLogarithms: log10 m_l of each run, `(run)(layer)`.
  ///   - layers: those with a mean that is finite and not zero.
  ///   - guides: the contrasts from whose noise the block length is chosen.
  package init(runs: [WindowedSeries], runLogarithms: [[Double]], layers: [Int], guides: [Contrast]) {
    let fewest =
      runs.map { run in layers.map(run.measuredCount).min() ?? run.steps.count }.min() ?? 0
    if runs.count >= 3 {
      method = .seeds(runs.count)
      samples = runLogarithms
      tailShare = 0
    } else if fewest < Self.fewestRecords || layers.isEmpty {
      method = .none(layers.isEmpty ? "no interval" : "\(fewest) steps, no interval")
      samples = []
      tailShare = 0
    } else {
      let lengths = runs.map { run in
        BlockLength.atLeast(
          guides.map { BlockLength.optimal(for: run.influence(of: $0)) }.max() ?? 1, of: run.steps.count)
      }
      method = .steps(runs: runs.count, records: runs[0].steps.count, blockLength: lengths[0])
      let blockCount = zip(runs, lengths).reduce(0) { $0 + Double($1.0.steps.count) / Double($1.1) }
      tailShare = BlockBootstrap.tailShare(blockCount: Int(blockCount))
      samples = Self.resamples(of: runs, runLogarithms: runLogarithms, layers: layers, blockLengths: lengths)
    }
  }

  /// The interval of a contrast; nil where there is none to give.
  package func interval(of contrast: Contrast) -> Interval? {
    let values = samples.map { contrast.value(of: $0) }
    switch method {
    case .none: return nil
    case .seeds: return StudentT.interval(of: values)
    case .steps: return BlockBootstrap.percentileInterval(of: values, tailShare: tailShare)
    }
  }

  /// log10 of the geometric mean over runs of the resampled window means.
  private static func resamples(
    of runs: [WindowedSeries], runLogarithms: [[Double]], layers: [Int], blockLengths: [Int]
  ) -> [[Double]] {
    let empty = Array(repeating: Double.nan, count: runLogarithms[0].count)
    var result = Array(repeating: empty, count: BlockBootstrap.resampleCount)
    for index in result.indices { for layer in layers { result[index][layer] = 0 } }
    for (run, windowed) in runs.enumerated() {
      let bootstrap = BlockBootstrap(stretches: windowed.stretches, blockLength: blockLengths[run], run: run)
      let ratios = bootstrap.resampledMeans(
        prefixSums: windowed.prefixSums(of: layers), prefixCounts: windowed.prefixCounts(of: layers),
        layerCount: layers.count)
      for resample in result.indices {
        for (column, layer) in layers.enumerated() {
          let logarithm =
            runLogarithms[run][layer] + Double.log10(ratios[resample * layers.count + column])
          result[resample][layer] += logarithm / Double(runs.count)
        }
      }
    }
    return result
  }
}
