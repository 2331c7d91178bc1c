import RunData

extension RunGroup {
  /// Refuses a statistic of weights and updates where the file has none, and one of runs that were imported from logs of another norm: their file has not a number there, which
  /// would read as a gradient that is not finite.
  /// - Throws: ``AnalysisError/normNotRecorded`` and ``AnalysisError/parametersNotRecorded``.
  func require(_ statistic: GradientStatistic) throws(AnalysisError) {
    let needed: [Bool] =
      switch statistic.subject {
      case .gradient: []
      case .weights: [manifest.hasWeights]
      case .update: [manifest.hasUpdates]
      case .updateOverWeights: [manifest.hasWeights, manifest.hasUpdates]
      }
    guard !needed.contains(false) else { throw .parametersNotRecorded(statistic: statistic, label: label) }
    guard statistic.isOfGradient, let recorded = manifest.importedNorms else { return }
    let available = GradientStatistic.allCases.filter { $0.isOfGradient && recorded.contains($0.norm) }
    guard !available.contains(statistic) else { return }
    throw .normNotRecorded(statistic: statistic, label: label, available: available)
  }
}

extension RunManifest {
  /// The norms that the log had from which the run was imported; nil for a run that was recorded. What such a log did not have
  /// is not a number in the file.
  var importedNorms: [String]? {
    let configuration = ConfigurationKeys(json: configurationJSON).values
    guard configuration["recorder"] == "import" else { return nil }
    return configuration["norms"]?.split(separator: " ").map(String.init)
  }
}

extension GradientStatistic {
  /// The norm that the statistic is made of, as the configuration of imported runs names it.
  fileprivate var norm: String {
    switch self {
    case .l1, .mean: "l1"
    case .l2, .rms: "l2"
    case .weightRMS, .updateRMS, .updateOverWeight: ""
    }
  }
}
