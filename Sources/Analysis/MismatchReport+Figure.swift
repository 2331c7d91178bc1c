import Charts
import RunData
import Statistics
import Text

extension MismatchReport {
  /// The paper's Figure 3: one panel a group, the shown layers' statistic over the steps, on one logarithmic axis.
  ///
  /// One run is drawn as recorded, several as their geometric mean in a band from the smallest to the largest. Over a series of
  /// sixty records or more lies its moving geometric mean. The window of the table is shaded.
  /// - Parameters:
  ///   - addsPaper: whether the paper's own lines stand in a row below; it shows `fc2.weight`'s L1 norm, in the usual style.
  ///   - style: axes and smoothing.
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func figure(
    addsPaper: Bool = false, style: CurveStyle = CurveStyle(), program: String, command: String
  ) -> Figure {
    guard !addsPaper else { return figureWithPaper(program, command) }
    let places = AxisPlaces(style.axis, of: entries.flatMap(\.group.runs))
    let panels = entries.map { panel($0, style, places) }
    return Figure(
      width: panels.count == 1 ? .column : .page, rows: Panel.rows(of: panels), legendTitle: "layer",
      extraLegend: extraLegend(style), notes: figureNotes(style),
      metadata: metadata(program: program, command: command))
  }

  /// The paper's lines have axes of their own: their numbers are of another model and batch. A note says how they differ.
  private func figureWithPaper(_ program: String, _ command: String) -> Figure {
    let places = AxisPlaces(.step, of: [])
    var own = entries.map { panel($0, CurveStyle(), places) }
    let marks = own.flatMap(\.marks)
    let room = RoomMark(
      x: Extent(union: marks.compactMap { $0.xExtent(.linear) }),
      y: Extent(union: marks.compactMap { $0.yExtent(.log10) }))
    for index in own.indices { own[index].marks.append(room) }
    let shown = Set(entries.map { shownLayers(of: $0) })
    let isSame = shown == [PaperFigure3.layers]
    let paper = PaperFigure3.panels(yTitle: own[0].yTitle, isInLegend: isSame)
    var note = [PaperFigure3.note]
    if !isSame {
      note.append("Its lines are layers 0, 1, 6, 10 and 11 of 12, in the order of the legend's styles.")
    }
    let paperRange = Extent(union: paper.flatMap(\.marks).compactMap { $0.yExtent(.log10) })
    if let ratio = heightRatio(of: paperRange, to: room.y, in: .log10) {
      note.append("Its vertical axis is its own: a factor of 10 is \(ratio) times as high as above.")
    }
    return Figure(
      width: .page, rows: Panel.rows(of: own) + [paper], sharesX: false, sharesY: false, legendTitle: "layer",
      extraLegend: extraLegend(CurveStyle()),
      notes: figureNotes(CurveStyle()) + [note.joined(separator: " ")],
      metadata: metadata(program: program, command: command))
  }

  private var hasBands: Bool { entries.contains { $0.group.runs.count > 1 } }

  /// The widths of the moving means, one for each length of a run.
  private func smoothingWidths(_ style: CurveStyle) -> [Int] {
    guard style.isSmoothed else { return [] }
    let counts = entries.compactMap { entry in
      entry.group.runs.compactMap { $0.gradients[operation]?.measuredRecords(statistic).count }.min()
    }
    return Set(counts.compactMap(MovingMean.width)).sorted()
  }

  private func extraLegend(_ style: CurveStyle) -> [LegendEntry] {
    var legend: [LegendEntry] = []
    if !smoothingWidths(style).isEmpty {
      let recorded = hasBands ? "each step" : "as recorded"
      legend.append(
        LegendEntry(recorded, style: .stroke(Stroke(color: Color(0x9A9A9A), width: SeedCurve.rawWidth))))
    }
    if hasBands {
      legend.append(LegendEntry("smallest to largest seed", style: .box(Color(0xB9D3E4))))
    }
    return legend
  }

  // MARK: - Panels

  private func panel(_ entry: Entry, _ style: CurveStyle, _ places: AxisPlaces) -> Panel {
    let marks = shade(entry, places) + lines(entry, style, places)
    return Panel(
      title: entry.group.label, subtitle: subtitle(entry), xTitle: places.title,
      yTitle: statistic.title(of: operation), yKind: style.isLogarithmic ? .log10 : .linear,
      xIsWhole: places.isWhole, marks: marks)
  }

  private func subtitle(_ entry: Entry) -> String {
    let mark = entry.loss.mark.map { [$0] } ?? []
    guard let mismatch = entry.mismatch else { return (mark + ["not measured"]).joined(separator: "; ") }
    return (mark + ["early/late \(estimateText(mismatch.earlyLate))"]).joined(separator: "; ")
  }

  /// `0.24 [0.21, 0.28]`.
  private func estimateText(_ estimate: Estimate) -> String {
    if estimate.value.isNaN { return "undefined" }
    let value = NumberText.significant(estimate.value, digits: 3)
    guard let interval = estimate.interval else { return value }
    let lower = NumberText.significant(interval.lower, digits: 3)
    return "\(value) [\(lower), \(NumberText.significant(interval.upper, digits: 3))]"
  }

  private func shade(_ entry: Entry, _ places: AxisPlaces) -> [any Mark] {
    guard let mismatch = entry.mismatch, let run = entry.group.runs.first else { return [] }
    let own = zip(run.steps, places(run)).filter { mismatch.recordedSteps.contains($0.0) }
    guard let first = own.first, let last = own.last else { return [] }
    return [ShadeMark("window of early/late", from: first.1, to: last.1)]
  }

  /// Bands, then the lines as recorded, then the moving means over them.
  private func lines(_ entry: Entry, _ style: CurveStyle, _ places: AxisPlaces) -> [any Mark] {
    let series = entry.group.runs.compactMap {
      LayerSeries(run: $0, operation: operation, statistic: statistic)
    }
    let shown = shownLayers(of: entry)
    let styles = SeriesStyle.ordered(shown.count)
    guard let first = series.first else { return [] }
    let shared = SharedSteps(series)
    // Weights and updates are measured at some of the recorded steps alone.
    let run = entry.group.runs[0]
    let own = Dictionary(zip(run.steps, places(run)), uniquingKeysWith: { first, _ in first })
    let x = shared.steps.map { own[$0] ?? .nan }
    let layers = shown.indices.filter { first.elementCounts[shown[$0]] > 0 }.map { index in
      SeedCurve(
        name: "\(shown[index])", style: styles[index], phase: (Double(index) + 0.5) / Double(shown.count),
        shared: shared, band: SeedBand(series, layer: shown[index], shared: shared), runCount: series.count,
        isSmoothed: style.isSmoothed, places: x)
    }
    return layers.flatMap(\.areas) + layers.flatMap(\.rawLines) + layers.flatMap(\.mainLines)
  }

  // MARK: - Words

  private func figureNotes(_ style: CurveStyle) -> [String] {
    var notes: [String] = []
    if hasBands {
      let counts = Set(entries.map(\.group.runs.count)).sorted().map(String.init).joined(separator: " to ")
      notes.append("Lines: geometric mean over n = \(counts) seeds.")
    }
    if !smoothingWidths(style).isEmpty {
      let widths = smoothingWidths(style).map(String.init).joined(separator: " or ")
      notes.append("Thick lines: centred moving geometric mean of \(widths) recorded steps.")
    }
    let methods = entries.compactMap { $0.mismatch?.method }
    if methods.contains(where: { if case .seeds = $0 { true } else { false } }) {
      notes.append("Intervals of early/late: 95 %, Student's t over seeds.")
    }
    if methods.contains(where: { if case .steps = $0 { true } else { false } }) {
      notes.append("Intervals of early/late: 95 %, moving-block bootstrap over steps.")
    }
    if entries.contains(where: { $0.loss.mark != nil }) {
      notes.append("Not learning yet: the loss has not passed below the unigram entropy.")
    }
    return notes.isEmpty ? [] : [notes.joined(separator: " ")]
  }

  private func metadata(program: String, command: String) -> Metadata {
    let labels = entries.map(\.group.label).joined(separator: ", ")
    let sentences = entries.map { entry in
      let value = entry.mismatch.map { "early/late \(estimateText($0.earlyLate))" } ?? "not measured"
      return "\(entry.group.label): \(value)" + (entry.loss.mark.map { ", \($0)" } ?? "") + "."
    }
    return Metadata(
      title: "\(statistic.title(of: operation)) by layer over training steps: \(labels)",
      description: "One panel a group of runs, one line a layer, logarithmic vertical axis. "
        + sentences.joined(separator: " "),
      program: program, command: command, runIDs: entries.flatMap { $0.group.runs.map(\.manifest.runID) },
      facts: facts)
  }

  private var facts: [(name: String, value: String)] {
    let methods = entries.map { "\($0.group.label): \($0.mismatch?.method.summary ?? "not measured")" }
    let contract = entries[0].group.manifest.contract
    let isMixed = entries.contains { $0.group.manifest.contract != contract }
    let labels = contract.labels.map { "\($0.name) \($0.value)" }.joined(separator: "; ")
    return [
      ("operation", operation), ("statistic", statistic.rawValue), ("window", "\(window)"),
      ("intervals", methods.joined(separator: "; ")), ("contract", isMixed ? "mixed" : labels),
    ]
  }
}
