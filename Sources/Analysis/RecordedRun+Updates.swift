import RunData

extension RecordedRun {
  /// Updates that the run has made, as far as its file tells: all that were asked for where it finished; else those up to its
  /// last record or validation, since not every step need be recorded.
  var updatesMade: Int {
    let asked = ConfigurationKeys(json: manifest.configurationJSON).values["steps"].flatMap { Int($0) }
    let seen = max((steps.last ?? -1) + 1, validation.last?.step ?? 0)
    return status == .finished ? max(seen, asked ?? 0) : seen
  }
}
