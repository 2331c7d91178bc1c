import Charts
import RunData
import Statistics

extension MismatchCourse {
  /// Early/late, spread and slope over the windows, a line a group, with bands of the intervals.
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func figure(program: String, command: String) -> Figure {
    let first = windows[0]
    let panels = [
      panel("early/late", axis: "early/late", .log10) { $0.earlyLate },
      panel("spread", axis: "spread", .log10) { $0.spread },
      panel("slope", axis: "slope (decades over the depth)", .linear) { $0.slope },
    ]
    let methods = Set(windows.flatMap(\.entries).compactMap { $0.mismatch?.method.summary }).sorted()
    return Figure(
      width: .page, rows: [panels], sharesY: false, panelHeight: 120,
      notes: [
        "Each point is the mean over a window, at its middle. Bands: 95 % intervals (n: \(methods.joined(separator: "; ")))."
      ],
      metadata: Metadata(
        title:
          "Mismatch of \(first.operation) over time, \(first.statistic.title): \(labels.joined(separator: ", "))",
        description: "Early/late, spread and slope by windows along the runs, one line a group.",
        program: program, command: command,
        runIDs: first.entries.flatMap { $0.group.runs.map(\.manifest.runID) },
        facts: [
          ("operation", first.operation), ("statistic", first.statistic.rawValue),
          ("windows", windows.map { "\($0.window)" }.joined(separator: " ")),
        ]))
  }

  private func panel(
    _ title: String, axis: String, _ kind: Scale.Kind, _ value: @escaping (Mismatch) -> Estimate
  ) -> Panel {
    let styles = SeriesStyle.categories(labels.count)
    let marks = labels.indices.flatMap { index -> [any Mark] in
      let estimates = windows.map { $0.entries[index].mismatch.map(value) ?? .undefined }
      let name = labels[index]
      // A window without a mismatch breaks the line.
      let stretches = estimates.map(\.value).definedStretches
      let edges = estimates.map { ($0.interval?.lower ?? $0.value, $0.interval?.upper ?? $0.value) }
      return [
        BandMark(
          "\(name), 95 % interval", x: middles, lower: edges.map(\.0), upper: edges.map(\.1),
          stretches: stretches, color: styles[index].color),
        LineMark(
          name, x: middles, y: estimates.map(\.value), stretches: stretches, style: styles[index],
          markerCount: windows.count,
          markerPhase: (Double(index) + 0.5) / Double(labels.count)),
      ]
    }
    let even: [any Mark] = kind == .log10 ? [ReferenceMark("even", at: 1)] : [ReferenceMark("even", at: 0)]
    return Panel(title: title, xTitle: "step", yTitle: axis, yKind: kind, xIsWhole: true, marks: even + marks)
  }
}
