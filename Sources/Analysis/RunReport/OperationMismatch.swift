import RunData

/// The mismatch of one operation in one group.
struct OperationMismatch {
  let group: RunGroup
  let operation: String
  let mismatch: Mismatch
}

extension RunReport {
  /// Numbers that are read at a time: eight bytes each, twice.
  private static let mostNumbers = 8_000_000

  /// The mismatch of every operation over the window of the report's own one.
  ///
  /// Operations are read a few at a time, so that memory does not grow with the length of runs times the number of tensors.
  static func operations(
    _ groups: [RunGroup], _ report: Result<MismatchReport, AnalysisError>?, _ gradients: GradientReading
  ) throws -> [OperationMismatch] {
    guard case .success(let report) = report else { return [] }
    var found: [[OperationMismatch]] = []
    for group in groups {
      let layout = group.manifest.gradients
      let steps = group.runs.reduce(0) { $0 + report.window.indices(in: $1.steps).count }
      let atOnce = max(1, mostNumbers / max(1, steps * layout.layerCount))
      let ids = Set(group.runs.map(\.manifest.runID))
      var own: [OperationMismatch] = []
      for start in stride(from: 0, to: layout.tensorNames.count, by: atOnce) {
        let names = Array(layout.tensorNames[start..<min(start + atOnce, layout.tensorNames.count)])
        let read = RunGroup(label: group.label, runs: try gradients(ids, names, report.window))
        own += names.compactMap { name in
          // What has no mismatch, for it is zero by construction or not in this model, is no row.
          (try? Mismatch(of: read, operation: name, statistic: report.statistic, window: report.window))
            .map { OperationMismatch(group: group, operation: name, mismatch: $0) }
        }
      }
      found.append(own)
    }
    // Groups of one operation stand together.
    return names(groups).flatMap { name in found.joined().filter { $0.operation == name } }
  }
}
