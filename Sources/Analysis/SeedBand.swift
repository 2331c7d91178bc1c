import RealModule

/// The steps that several runs have all recorded.
struct SharedSteps: Equatable {
  /// The steps, ascending.
  let steps: [Int]
  /// Runs of steps without a gap: positions in ``steps``.
  let stretches: [Range<Int>]
  /// Where each run has them, `(run)(step)`.
  let positions: [[Int]]

  /// - Precondition: at least one series.
  init(_ series: [LayerSeries]) {
    let first = series[0]
    let isSame = series.allSatisfy { $0.steps == first.steps }
    let common = isSame ? [] : series.dropFirst().reduce(Set(first.steps)) { $0.intersection($1.steps) }
    positions = series.map { one in
      isSame ? Array(one.steps.indices) : one.steps.indices.filter { common.contains(one.steps[$0]) }
    }
    steps = positions[0].map { first.steps[$0] }
    stretches = LayerSeries.stretches(steps: steps, segments: positions[0].map { first.segments[$0] })
  }
}

/// One layer's statistic over the steps that several runs share, where the runs differ only in their seed.
struct SeedBand: Equatable {
  /// The geometric mean over runs; 0 where a run has 0, not a number where a run has a non-finite value.
  private(set) var mean: [Double] = []
  /// The smallest value over runs; not a number where one is non-finite.
  private(set) var lower: [Double] = []
  /// The largest value over runs; not a number where one is non-finite.
  private(set) var upper: [Double] = []
  /// Runs of steps at which the layer trains in every run, without a gap: positions in the shared steps.
  let stretches: [Range<Int>]

  /// - Precondition: `shared` was made from `series`, and all have this layer.
  init(_ series: [LayerSeries], layer: Int, shared: SharedSteps) {
    stretches = Self.stretches(series, layer: layer, shared: shared)
    guard series.count > 1 else {
      mean = series[0].values[layer]
      (lower, upper) = (mean, mean)
      return
    }
    for record in shared.steps.indices {
      var (low, high, logarithms) = (Double.infinity, -Double.infinity, 0.0)
      for run in series.indices {
        let value = series[run].values[layer][shared.positions[run][record]]
        // Swift's min and max would drop a value that is not a number.
        if value.isNaN || low.isNaN {
          (low, high) = (.nan, .nan)
        } else {
          (low, high) = (min(low, value), max(high, value))
        }
        logarithms += Double.log10(value)
      }
      let isFinite = low.isFinite && high.isFinite
      mean.append(isFinite ? Double.pow(10, logarithms / Double(series.count)) : .nan)
      lower.append(isFinite ? low : .nan)
      upper.append(isFinite ? high : .nan)
    }
  }

  private static func stretches(
    _ series: [LayerSeries], layer: Int, shared: SharedSteps
  ) -> [Range<Int>] {
    shared.stretches.flatMap { stretch in
      stretch.split { record in
        series.indices.contains { !series[$0].isTrained[layer][shared.positions[$0][record]] }
      }
    }
  }
}
