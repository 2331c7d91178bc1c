import RunData

extension RecordedRun {
  /// What a measurement reads of the evaluation at a run's end; nil where there is none, or more than one text or task could be meant.
  func evaluation(_ measurement: Measurement, afterUpdates count: Int) -> Double? {
    let isOfTask = measurement.measure == .accuracy
    let candidates = manifest.evaluations.filter {
      $0.isTask == isOfTask && (measurement.evaluated == nil || $0.name == measurement.evaluated)
    }
    guard let layout = candidates.first, candidates.count == 1, let last = lastEvaluation(on: layout.name),
      last.step == count
    else { return nil }
    return isOfTask ? 100 * last.accuracy : layout.perplexity(last.loss, by: measurement.unit)
  }
}
