import Charts
import RealModule
import RunData
import Statistics

extension SweepReport {
  /// Held-out perplexity over cost, one line a cell (the paper's Figure 2): mean over seeds in a band from the smallest to
  /// the largest, and a diamond where a cell passes the baseline's lowest loss. Nil where nothing was validated.
  ///
  /// Where an axis is chosen, only its best value of each combination is drawn.
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func curveFigure(program: String, command: String) -> Figure? {
    let styles = SeriesStyle.categories(shownCells.count)
    let curves = zip(shownCells, styles).compactMap { index, style in
      ValidationCurve(cells[index], budget: budget).map { (index, style, $0) }
    }
    guard !curves.isEmpty else { return nil }
    let bands = curves.filter { cells[$0.0].runs.count > 1 }.map { _, style, curve -> any Mark in
      BandMark(
        "range over seeds", x: curve.cost, lower: curve.lowest, upper: curve.highest, color: style.color)
    }
    let lines = curves.map { index, style, curve -> any Mark in
      LineMark(
        cells[index].label, x: curve.cost, y: curve.mean, style: style, markerCount: 6,
        markerPhase: (Double(index) + 0.5) / Double(cells.count))
    }
    let panel = Panel(
      title: "", xTitle: budget == .seconds ? "training time (s)" : budget.title,
      yTitle: "held-out perplexity", yKind: .log10, marks: bands + lines + crossingMarks)
    return Figure(
      width: .page, rows: [[panel]], panelHeight: 170,
      notes: curveNotes(seedCounts: curves.map { cells[$0.0].runs.count }),
      metadata: metadata("Held-out perplexity over \(budget.title)", program, command))
  }

  /// Final held-out perplexity: over the chosen axis where that is of numbers (Table 1), else one row a cell.
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func perplexityFigure(program: String, command: String) -> Figure? {
    guard cells.contains(where: { !$0.finalLosses.isEmpty }) else { return nil }
    let panel = chosenNumbers.map(linePanel) ?? dotPanel
    return Figure(
      width: chosenNumbers == nil ? .page : .column, rows: [[panel]],
      panelHeight: chosenNumbers == nil ? Double(cells.count) * 11 + 6 : 150, notes: perplexityNotes,
      metadata: metadata("Final held-out perplexity", program, command))
  }

  // MARK: - Panels

  /// One row a cell, the first on top; the baseline's interval is shaded.
  private var dotPanel: Panel {
    func row(_ index: Int) -> Double { Double(cells.count - 1 - index) }
    let measured = cells.indices.filter { !cells[$0].finalLosses.isEmpty }
    let estimates = measured.map { perplexity(of: cells[$0]) }
    var marks: [any Mark] = []
    if let baseline, let interval = perplexity(of: cells[baseline]).interval {
      marks.append(ShadeMark("interval of the baseline", from: interval.lower, to: interval.upper))
    }
    marks.append(
      SegmentsMark(
        "95 % interval", at: measured.map(row),
        from: estimates.map { $0.interval?.lower ?? .nan }, to: estimates.map { $0.interval?.upper ?? .nan },
        stroke: Stroke(color: Color.okabeIto[0], width: 0.9), isHorizontal: true))
    let single = measured.flatMap { index in
      cells[index].finalLosses.sorted { $0.key < $1.key }.map { (Double.exp($0.value), row(index)) }
    }
    marks.append(
      PointsMark(
        "each seed", x: single.map(\.0), y: single.map(\.1),
        style: SeriesStyle(color: Color(0x777777), marker: .circle, isHollow: true)))
    marks.append(
      PointsMark(
        "geometric mean", x: estimates.map(\.value), y: measured.map(row),
        style: SeriesStyle(color: Color.okabeIto[0], marker: .diamond)))
    return Panel(
      title: "", xTitle: "final held-out perplexity", yTitle: "", yCategories: cells.reversed().map(\.label),
      marks: marks)
  }

  /// The chosen axis's values as numbers, by cell; nil where one is none.
  private var chosenNumbers: [Double]? {
    guard let chosenAxis else { return nil }
    let numbers = cells.compactMap { Double($0.values[chosenAxis]) }
    return numbers.count == cells.count && Set(numbers).count > 1 ? numbers : nil
  }

  private func linePanel(_ numbers: [Double]) -> Panel {
    let styles = SeriesStyle.categories(choices.count)
    var marks: [any Mark] = []
    for (choice, style) in zip(choices, styles) {
      let own = choice.cells.sorted { numbers[$0] < numbers[$1] }
      let estimates = own.map { perplexity(of: cells[$0]) }
      let x = own.map { numbers[$0] }
      marks.append(
        SegmentsMark(
          "95 % interval", at: x, from: estimates.map { $0.interval?.lower ?? .nan },
          to: estimates.map { $0.interval?.upper ?? .nan }, stroke: Stroke(color: style.color, width: 0.7)))
      marks.append(
        LineMark(label(of: choice), x: x, y: estimates.map(\.value), style: style, markerCount: x.count))
    }
    return Panel(
      title: "", xTitle: chosenAxis.map { axes[$0] } ?? "", yTitle: "final held-out perplexity",
      xKind: numbers.allSatisfy { $0 > 0 } ? .log10 : .linear, yKind: .log10, marks: marks)
  }

  /// The values of the other axes.
  private func label(of choice: Choice) -> String {
    let values = cells[choice.cells[0]].values.enumerated().filter { $0.offset != chosenAxis }.map(\.element)
    return values.isEmpty ? "perplexity" : values.joined(separator: ", ")
  }

  private var crossingMarks: [any Mark] {
    let found = crossings
    guard !found.isEmpty, let reference = referenceCell else { return [] }
    return [
      PointsMark(
        "reaches the lowest of \(cells[reference].label)", x: found.map(\.cost),
        y: found.map { Double.exp($0.loss) },
        style: SeriesStyle(color: .black, marker: .diamond, isHollow: true))
    ]
  }

  // MARK: - Words

  /// - Parameter seedCounts: of the lines that are drawn.
  private func curveNotes(seedCounts: [Int]) -> [String] {
    var sentences = ["Lines: geometric mean over \(Self.seedText(seedCounts))."]
    if seedCounts.contains(where: { $0 > 1 }) { sentences.append("Bands: smallest to largest seed.") }
    if let chosenAxis { sentences.append("Each at its best \(axes[chosenAxis]).") }
    let partial = crossings.filter { $0.seedsReaching < $0.seedCount }
      .map { "\($0.seedsReaching) of \($0.seedCount) (\(cells[$0.cell].label))" }
    if !partial.isEmpty {
      sentences.append("Diamonds are means over the seeds that reach it: \(partial.joined(separator: ", ")).")
    }
    return [sentences.joined(separator: " ")]
  }

  private var perplexityNotes: [String] {
    let counts = cells.map(\.finalLosses.count).filter { $0 > 0 }
    let interval =
      counts.contains { $0 >= 3 }
      ? ", 95 % interval by Student's t on the loss\(counts.allSatisfy { $0 >= 3 } ? "" : " from three on")"
      : ""
    return ["Geometric mean over \(Self.seedText(counts))\(interval)."]
  }

  /// `n = 2 or 3 seeds`: some cells may lack runs that others have.
  private static func seedText(_ counts: [Int]) -> String {
    let distinct = Set(counts).sorted()
    return "n = \(distinct.map(String.init).joined(separator: " or ")) \(distinct == [1] ? "seed" : "seeds")"
  }

  private func metadata(_ subject: String, _ program: String, _ command: String) -> Metadata {
    Metadata(
      title: "\(title): \(subject.prefix(1).lowercased() + subject.dropFirst())",
      description: "\(subject) of \(cells.count) combinations of \(axes.joined(separator: ", ")). "
        + notes.joined(separator: " "), program: program, command: command,
      runIDs: cells.flatMap { $0.runs.map(\.manifest.runID) },
      facts: [("axes", axes.joined(separator: ", ")), ("budget", budget.rawValue)])
  }
}

/// A cell's held-out perplexity at the validations that all its runs have.
private struct ValidationCurve {
  var cost: [Double] = []
  var mean: [Double] = []
  var lowest: [Double] = []
  var highest: [Double] = []

  init?(_ cell: SweepCell, budget: SweepBudget) {
    let losses = cell.runs.map { run in
      Dictionary(run.validation.map { ($0.step, $0.loss) }, uniquingKeysWith: { $1 })
    }
    guard let first = losses.first else { return nil }
    for step in first.keys.sorted() {
      let values = losses.compactMap { $0[step] }
      guard values.count == losses.count else { continue }
      cost.append(cell.cost(ofUpdates: step, in: budget))
      mean.append(Double.exp(values.reduce(0, +) / Double(values.count)))
      lowest.append(Double.exp(values.min() ?? .nan))
      highest.append(Double.exp(values.max() ?? .nan))
    }
    guard !cost.isEmpty else { return nil }
  }
}
