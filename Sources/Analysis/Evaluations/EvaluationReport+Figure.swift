import Charts
import RunData

extension EvaluationReport {
  /// A panel for each text, with its losses over the updates, and each task, with its accuracies: one line a group.
  ///
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func figure(program: String, command: String) -> Figure {
    let panels = layouts.flatMap { self.panels(of: $0) }
    let columns = min(3, max(1, panels.count))
    let rows = stride(from: 0, to: panels.count, by: columns).map {
      Array(panels[$0..<min($0 + columns, panels.count)])
    }
    return Figure(
      width: .page, rows: rows, sharesY: false, panelHeight: panels.count > 1 ? 120 : 150, notes: seedNotes,
      metadata: Metadata(
        title: "Evaluations over training: \(groups.map(\.label).joined(separator: ", "))",
        description:
          "A panel a text or task, one line a group of runs: losses in nats by token, logarithmic axis, and accuracies in percent.",
        program: program, command: command, runIDs: groups.flatMap { $0.runs.map(\.manifest.runID) },
        facts: [("statistic", "evaluation")]))
  }

  private func panels(of layout: EvaluationLayout) -> [Panel] {
    let curves = GroupCurves(
      title: layout.isTask ? "accuracy (%)" : "loss (nats/token)", yKind: layout.isTask ? .linear : .log10,
      isSmoothed: false,
      values: { run in
        run.evaluations(on: layout.name).map { layout.isTask ? 100 * $0.accuracy : $0.loss }
      }, steps: { $0.evaluations(on: layout.name).map(\.step) })
    return curves.panels(of: groups).map { panel in
      var panel = panel
      panel.title = [layout.name, panel.title].filter { !$0.isEmpty }.joined(separator: ": ")
      panel.name = panel.title
      return panel
    }
  }

  private var seedNotes: [String] {
    let counts = Set(groups.map(\.runs.count)).sorted()
    guard let most = counts.last, most > 1 else { return [] }
    return [
      "Geometric mean over n = \(counts.map(String.init).joined(separator: " or ")) seeds; bands: smallest to largest seed."
    ]
  }
}
