import Charts
import RealModule
import RunData
import Statistics

extension SweepReport {
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

  // MARK: - Words

  private var perplexityNotes: [String] {
    let counts = cells.map(\.finalLosses.count).filter { $0 > 0 }
    let fewest = intervals.fewestSeeds
    let some = fewest == 3 ? " from three on" : " from four on"
    let interval =
      counts.contains { $0 >= fewest }
      ? ", 95 % interval by \(intervals.clause) on the loss\(counts.allSatisfy { $0 >= fewest } ? "" : some)"
      : ""
    return ["Geometric mean over \(Self.seedText(counts))\(interval)."]
  }

  /// `n = 2 or 3 seeds`: some cells may lack runs that others have.
  static func seedText(_ counts: [Int]) -> String {
    let distinct = Set(counts).sorted()
    return "n = \(distinct.map(String.init).joined(separator: " or ")) \(distinct == [1] ? "seed" : "seeds")"
  }

  func metadata(_ subject: String, _ program: String, _ command: String) -> Metadata {
    Metadata(
      title: "\(title): \(subject.prefix(1).lowercased() + subject.dropFirst())",
      description: "\(subject) of \(cells.count) combinations of \(axes.joined(separator: ", ")). "
        + notes.joined(separator: " "), program: program, command: command,
      runIDs: cells.flatMap { $0.runs.map(\.manifest.runID) },
      facts: [("axes", axes.joined(separator: ", ")), ("budget", budget.rawValue)])
  }
}
