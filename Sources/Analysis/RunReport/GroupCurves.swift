import Charts
import RunData
import Statistics

/// One quantity of several groups of runs over the steps, group by group a line.
struct GroupCurves {
  /// Lines that a panel holds before they can no longer be told apart.
  private static let mostLines = 6

  /// What the vertical axis says.
  let title: String
  let yKind: Scale.Kind
  /// Whether long series get a moving mean.
  var isSmoothed = true
  /// Levels across the panel.
  var levels: [ReferenceMark] = []
  /// The quantity at each of ``steps``; empty where a run has not recorded it.
  let values: (RecordedRun) -> [Double]
  /// The steps at which it stands; of most quantities those that are recorded.
  var steps: (RecordedRun) -> [Int] = { $0.steps }

  /// One panel, or where that would be too full one an architecture, or more; none where nothing is recorded.
  func panels(of groups: [RunGroup], heading: String = "") -> [Panel] {
    let shown = groups.compactMap { group -> RunGroup? in
      let recorded = group.runs.filter { !values($0).isEmpty }
      return recorded.isEmpty ? nil : RunGroup(label: group.label, runs: recorded)
    }
    guard shown.count > Self.mostLines else { return shown.isEmpty ? [] : [panel(shown, heading: heading)] }
    var architectures: [String] = []
    for name in shown.map(\.manifest.architecture) where !architectures.contains(name) {
      architectures.append(name)
    }
    let panels = architectures.flatMap { architecture in
      let own = shown.filter { $0.manifest.architecture == architecture }
      let title = [architectureTitle(architecture), heading].filter { !$0.isEmpty }.joined(separator: ": ")
      return stride(from: 0, to: own.count, by: Self.mostLines).map { start in
        panel(Array(own[start..<min(start + Self.mostLines, own.count)]), heading: title)
      }
    }
    // Panels of one quantity are compared by eye.
    let extents = panels.flatMap(\.marks).compactMap { $0.yExtent(yKind) }
    let room = RoomMark(y: extents.dropFirst().reduce(extents.first) { $0?.union($1) })
    return panels.map { panel in
      var panel = panel
      panel.marks.append(room)
      return panel
    }
  }

  private func panel(_ groups: [RunGroup], heading: String) -> Panel {
    let styles = SeriesStyle.categories(groups.count)
    let curves = groups.enumerated().map { index, group in
      curve(group, style: styles[index], phase: (Double(index) + 0.5) / Double(groups.count))
    }
    return Panel(
      title: heading, name: heading.isEmpty ? title : heading, xTitle: "step", yTitle: title, yKind: yKind,
      xIsWhole: true,
      marks: levels + curves.flatMap(\.areas) + curves.flatMap(\.rawLines) + curves.flatMap(\.mainLines))
  }

  private func curve(_ group: RunGroup, style: SeriesStyle, phase: Double) -> SeedCurve {
    let series = group.runs.map { run in
      let steps = steps(run)
      return LayerSeries(
        steps: steps, segments: steps == run.steps ? run.segments : steps.map { _ in 0 },
        values: values(run), name: title)
    }
    let shared = SharedSteps(series)
    return SeedCurve(
      name: group.label, style: style, phase: phase, shared: shared,
      band: SeedBand(series, layer: 0, shared: shared), runCount: series.count, isSmoothed: isSmoothed)
  }

  /// What lines, bands and thick lines of such a figure are.
  static func notes(on groups: [RunGroup]) -> [String] {
    var notes: [String] = []
    let counts = Set(groups.map(\.runs.count)).sorted()
    if let most = counts.last, most > 1 {
      notes.append(
        "Geometric mean over n = \(counts.map(String.init).joined(separator: " or ")) seeds; bands: smallest to largest"
          + " seed.")
    }
    if groups.contains(where: { Set($0.runs.map(\.steps.last)).count > 1 }) {
      notes.append("A line ends with the shortest run of its group.")
    }
    let widths = Set(groups.compactMap { $0.runs.map(\.steps.count).min() }.compactMap(MovingMean.width))
      .sorted()
    if !widths.isEmpty {
      notes.append(
        "Thin pale lines: each step; thick: centred moving geometric mean of"
          + " \(widths.map(String.init).joined(separator: " or ")) recorded steps.")
    }
    return notes.isEmpty ? [] : [notes.joined(separator: " ")]
  }
}

extension RunReport {
  /// The origin of a figure of all groups.
  func metadata(_ title: String, _ description: String) -> Metadata {
    Metadata(
      title: title, description: description, program: options.program, command: options.command,
      runIDs: groups.flatMap { $0.runs.map(\.manifest.runID) })
  }
}
