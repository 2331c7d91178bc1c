import Statistics

extension WindowedSeries {
  /// The records of a series that lie in a window.
  init(_ series: LayerSeries, window: StepWindow) {
    let range = window.indices(in: series.steps)
    let steps = Array(series.steps[range])
    let isTrained = series.isTrained.map { Array($0[range]) }
    self.init(
      steps: steps, values: series.values.map { Array($0[range]) },
      stretches: LayerSeries.stretches(steps: steps, segments: Array(series.segments[range])),
      isMeasured: isTrained.contains { $0.contains(false) } ? isTrained : nil)
  }
}
