import Charts
import RealModule

extension SweepReport {
  /// Held-out perplexity over cost, one line a cell (the paper's Figure 2): mean over seeds in a band from the smallest to
  /// the largest, and a diamond where a cell passes the baseline's lowest loss. Nil where nothing was validated.
  ///
  /// Below it, where there is a baseline and another cell, their paired ratios to it, which the first panel is too coarse for. Where an
  /// axis is chosen, only its best value of each combination is drawn.
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func curveFigure(program: String, command: String) -> Figure? {
    let styles = SeriesStyle.categories(shownCells.count)
    let curves = zip(shownCells, styles).compactMap { index, style in
      ValidationCurve(cells[index], budget: budget).map { (index, style, $0) }
    }
    guard !curves.isEmpty else { return nil }
    let ratios = zip(shownCells, styles).compactMap { index, style in
      ratioCurve(of: index).map { (index, style, $0) }
    }
    let xTitle = budget == .seconds ? "training time (s)" : budget.title
    let perplexities = Panel(
      title: "", name: "perplexity", xTitle: xTitle, yTitle: "held-out perplexity", yKind: .log10,
      marks: marks(of: curves) + crossingMarks)
    var rows = [[perplexities]]
    if let referenceCell, !ratios.isEmpty {
      let label = cells[referenceCell].label
      rows.append([
        Panel(
          title: "", name: "ratio", xTitle: xTitle, yTitle: "ratio to \(label)", yKind: .log10,
          marks: [ReferenceMark("equal to \(label)", at: 1)] + marks(of: ratios))
      ])
    }
    return Figure(
      width: .page, rows: rows, sharesY: false, panelHeight: rows.count == 1 ? 170 : 120,
      notes: curveNotes(curves.map { $0.2 }, ratios: ratios.map { $0.2 }),
      metadata: metadata("Held-out perplexity over \(budget.title)", program, command))
  }

  /// Bands of cells with several seeds, then the lines.
  private func marks(of curves: [(index: Int, style: SeriesStyle, curve: ValidationCurve)]) -> [any Mark] {
    let bands = curves.filter { $0.curve.seedCount > 1 }.map { _, style, curve -> any Mark in
      BandMark(
        "range over seeds", x: curve.cost, lower: curve.lowest, upper: curve.highest, color: style.color)
    }
    return bands
      + curves.map { index, style, curve -> any Mark in
        LineMark(
          cells[index].label, x: curve.cost, y: curve.mean, style: style, markerCount: 6,
          markerPhase: (Double(index) + 0.5) / Double(cells.count))
      }
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

  /// A cell's perplexity over the reference's at equal cost, on the seeds that both have; nil for the reference itself.
  func ratioCurve(of index: Int) -> ValidationCurve? {
    guard let referenceCell, referenceCell != index else { return nil }
    return ValidationCurve(cells[index], over: cells[referenceCell], budget: budget)
  }

  private func curveNotes(_ curves: [ValidationCurve], ratios: [ValidationCurve]) -> [String] {
    var sentences = ["Lines: geometric mean over \(Self.seedText(curves.map(\.seedCount)))."]
    if curves.contains(where: { $0.seedCount > 1 }) { sentences.append("Bands: smallest to largest seed.") }
    if let chosenAxis { sentences.append("Each at its best \(axes[chosenAxis]).") }
    let partial = crossings.filter { $0.seedsReaching < $0.seedCount }
      .map { "\($0.seedsReaching) of \($0.seedCount) (\(cells[$0.cell].label))" }
    if !partial.isEmpty {
      sentences.append("Diamonds are means over the seeds that reach it: \(partial.joined(separator: ", ")).")
    }
    if let referenceCell, !ratios.isEmpty {
      let cost = budget == .seconds ? "training time" : budget.title
      let interpolation =
        "; between validations the loss of \(cells[referenceCell].label) is taken as linear in its logarithm"
      let isInterpolated = ratios.contains { $0.isInterpolated }
      sentences.append("Ratios: seed by seed, at equal \(cost)\(isInterpolated ? interpolation : "").")
    }
    return [sentences.joined(separator: " ")]
  }
}
