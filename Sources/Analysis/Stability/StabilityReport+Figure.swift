import Charts
import RunData
import Text

extension StabilityReport {
  /// The loss over the rising learning rate: one panel a group, one thin line a seed, its end marked by what ended it.
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func figure(program: String, command: String) -> Figure {
    let panels = entries.map(panel)
    return Figure(
      width: panels.count == 1 ? .column : .page, rows: Panel.rows(of: panels), extraLegend: legend,
      notes: [figureNote],
      metadata: metadata(program: program, command: command))
  }

  private func panel(_ entry: Entry) -> Panel {
    let entropy = entry.group.manifest.corpus.unigramEntropy
    let floor: [any Mark] = entropy.isNaN ? [] : [ReferenceMark("unigram entropy", at: entropy)]
    return Panel(
      title: entry.group.label, subtitle: subtitle(entry), xTitle: "learning rate",
      yTitle: "loss (nats/token)", yKind: .log10, marks: floor + lines(entry) + ends(entry))
  }

  private func subtitle(_ entry: Entry) -> String {
    let bound = entry.outcomes.contains { !$0.ending.isFailure } ? "at least " : ""
    return "peak \(bound)\(NumberText.significant(entry.medianPeakRate, digits: 3))"
      + (entry.outcomes.count > 1 ? ", median of \(entry.outcomes.count) seeds" : "")
      + (entry.outcomes.contains { !$0.isLearning } ? "; not learning" : "")
  }

  private func lines(_ entry: Entry) -> [any Mark] {
    let colors = Color.sequence(entry.outcomes.count)
    return zip(entry.outcomes, colors).map { outcome, color in
      let finite = outcome.losses.indices.filter { outcome.losses[$0].isFinite }
      return LineMark(
        "seed \(outcome.manifest.seed)", x: finite.map { outcome.rates[$0] },
        y: finite.map { outcome.losses[$0] },
        style: SeriesStyle(color: color, lineWidth: 0.5), isInLegend: false)
    }
  }

  /// The last finite loss of each run, by ending.
  private func ends(_ entry: Entry) -> [any Mark] {
    StabilityOutcome.Ending.allCases.compactMap { ending in
      let points = entry.outcomes.filter { $0.ending == ending }.compactMap { outcome in
        outcome.losses.lastIndex { $0.isFinite }.map { (outcome.rates[$0], outcome.losses[$0]) }
      }
      guard !points.isEmpty else { return nil }
      return PointsMark(ending.rawValue, x: points.map(\.0), y: points.map(\.1), style: ending.style)
    }
  }

  private var legend: [LegendEntry] {
    let isSingle = entries.allSatisfy { $0.outcomes.count == 1 }
    let color = Color.sequence(2)[0]
    return [
      LegendEntry(isSingle ? "loss" : "one seed", style: .stroke(Stroke(color: color, width: 0.5)))
    ]
  }

  private var figureNote: String {
    let failures = entries.compactMap { entry in
      entry.failedOperations.isEmpty
        ? nil : "\(entry.group.label), \(entry.failedOperations) (layer \(entry.failedLayers))"
    }
    let hasNonfinite = outcomes.contains { !$0.losses.allSatisfy { $0.isFinite } }
    return "Each line ends with the step at which training destabilised, or with its last."
      + (hasNonfinite ? " Losses that are not finite are left out." : "")
      + (failures.isEmpty ? "" : " First overflow: \(failures.joined(separator: "; ")).")
  }

  private func metadata(program: String, command: String) -> Metadata {
    let sentences = entries.map { "\($0.group.label): \(subtitle($0))." }
    return Metadata(
      title: "Loss over a rising learning rate: \(entries.map(\.group.label).joined(separator: ", "))",
      description: "One panel a group of runs, one line a seed. " + sentences.joined(separator: " "),
      program: program, command: command, runIDs: outcomes.map(\.manifest.runID),
      facts: [("endings", outcomes.map(\.ending.rawValue).joined(separator: "; "))])
  }
}

extension StabilityOutcome.Ending {
  /// Filled where training failed, hollow where it did not.
  fileprivate var style: SeriesStyle {
    let marker: SeriesStyle.Marker =
      switch self {
      case .overflow, .survived: .triangle
      case .lossScaleExhausted, .interrupted: .square
      case .diverged, .unfinished: .diamond
      case .nonfinite, .error: .cross
      }
    return SeriesStyle(color: .black, marker: marker, isHollow: !isFailure)
  }
}
