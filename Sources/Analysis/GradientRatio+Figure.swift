import Charts
import RunData
import Statistics

extension GradientRatio {
  /// A heat map: layers from left to right, operations from top to bottom, in colours that diverge from white at 1; a triangle where
  /// the ratio is above 1, and one that points down where it is below, white where that is certain and small where it is not: without
  /// colours they alone tell the side.
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func mapFigure(program: String, command: String) -> Figure? {
    mapFigure(colorsOf: [self], program: program, command: command)
  }

  /// The heat maps of several ratios below each other, in the same colours.
  public static func mapFigure(of ratios: [GradientRatio], program: String, command: String) -> Figure? {
    let figures = ratios.compactMap { $0.mapFigure(colorsOf: ratios, program: program, command: command) }
    guard var figure = figures.first else { return nil }
    figure.rows = figures.flatMap(\.rows)
    figure.metadata.runIDs = Set(figures.flatMap(\.metadata.runIDs)).sorted()
    return figure
  }

  private func mapFigure(colorsOf ratios: [GradientRatio], program: String, command: String) -> Figure? {
    let shown = operations.filter { operation in cells.contains { $0.operation == operation } }
    let extent = Extent(of: ratios.flatMap(\.cells).map(\.ratio.value)) { $0.isFinite && $0 > 0 }
    guard !shown.isEmpty else { return nil }
    let colors = ColorScale.ratios(extent)
    func row(_ cell: Cell) -> Int { shown.count - 1 - (shown.firstIndex(of: cell.operation) ?? 0) }
    let drawn = cells.filter { $0.ratio.value.isFinite && $0.ratio.value > 0 }
    func marks(_ name: String, _ side: Side, isCertain: Bool) -> [any Mark] {
      let own = drawn.filter { Side($0) == side && ($0.verdict != .undecided) == isCertain }
      guard !own.isEmpty else { return [] }
      let style = SeriesStyle(
        color: isCertain ? .black : Color(0x333333), marker: side == .above ? .triangle : .wedge,
        isHollow: isCertain, isBare: !isCertain)
      return [
        PointsMark(
          name, x: own.map { Double($0.layer) }, y: own.map { Double(row($0)) }, style: style,
          size: isCertain ? 1 : 0.6)
      ]
    }
    let map = CellsMark(
      "ratio", cells: drawn.map { CellsMark.Cell(column: $0.layer, row: row($0), value: $0.ratio.value) },
      colors: colors)
    let panel = Panel(
      title: "\(other.label) / \(base.label)", xTitle: "layer", yTitle: "", xIsWhole: true,
      yCategories: shown.reversed(),
      marks: [map] + marks("certainly above 1", .above, isCertain: true)
        + marks("certainly below 1", .below, isCertain: true)
        + marks("above 1, not certainly", .above, isCertain: false)
        + marks("below 1, not certainly", .below, isCertain: false))
    return Figure(
      width: .page, rows: [[panel]], sharesY: false, panelHeight: Double(shown.count) * 9,
      colorBar: extent.map { _ in ColorBar("ratio of mean \(statistic.title)", colors: colors) },
      notes: [figureNote], metadata: metadata(program: program, command: command))
  }

  /// The paper's Figure 5: the ratio of each operation's weight over the layers, one line an operation, one panel a sublayer.
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func lineFigure(program: String, command: String) -> Figure? {
    let measured = Set(cells.map(\.operation))
    let weights = operations.filter { measured.contains($0) && Self.sublayer(of: $0) != nil }
    var groups: [(title: String, names: [String])] = []
    for name in weights {
      guard let title = Self.sublayer(of: name) else { continue }
      if let index = groups.firstIndex(where: { $0.title == title }) {
        groups[index].names.append(name)
      } else {
        groups.append((title, [name]))
      }
    }
    guard !groups.isEmpty else { return nil }
    let styles = SeriesStyle.categories(weights.count)
    let panels = groups.map { title, names in
      Panel(
        title: title, xTitle: "layer", yTitle: "ratio to \(base.label)", xIsWhole: true,
        marks: [ReferenceMark("equal", at: 1)]
          + names.flatMap { name in lines(name, styles[weights.firstIndex(of: name) ?? 0]) })
    }
    return Figure(
      width: .page, rows: [panels], notes: [figureNote],
      metadata: metadata(program: program, command: command))
  }

  /// What a panel calls the sublayer that a matrix or an adapter of one belongs to; nil for gains, biases and what no table knows.
  private static func sublayer(of operation: String) -> String? {
    guard operation.hasSuffix(".weight") else { return nil }
    let words = operation.split(separator: ".")
    if words[0] == "experts" || words[0] == "shared_experts" {
      return words.contains { $0.hasPrefix("fc") } ? "experts" : nil
    }
    if ["fc1", "fc2", "fc_gate", "fc_gate_up"].contains(words[0]) { return "FFN" }
    guard words.count > 2, words.contains(where: { $0.hasSuffix("_proj") }) else { return nil }
    return ["self_attn": "attention", "encoder_attn": "cross attention"][words[0]] ?? String(words[0])
  }

  /// The interval's band, then the line.
  private func lines(_ operation: String, _ style: SeriesStyle) -> [any Mark] {
    let own = cells.filter { $0.operation == operation }
    let layers = own.map { Double($0.layer) }
    let line = LineMark(
      operation, x: layers, y: own.map(\.ratio.value), style: style, markerCount: max(1, own.count))
    guard own.allSatisfy({ $0.ratio.interval != nil }) else { return [line] }
    return [
      BandMark(
        "\(operation), 95 %", x: layers, lower: own.map { $0.ratio.interval?.lower ?? .nan },
        upper: own.map { $0.ratio.interval?.upper ?? .nan }, stretches: [layers.indices], color: style.color),
      line,
    ]
  }

  private var figureNote: String {
    "Mean \(statistic.title)\(statistic.isOfGradient ? " of the gradient" : "") over \(window.title). \(normalizerSentence)"
  }

  private func metadata(program: String, command: String) -> Metadata {
    Metadata(
      title: title,
      description:
        "Ratio of mean gradients, operation by operation and layer by layer. \(normalizerSentence)",
      program: program, command: command, runIDs: (base.runs + other.runs).map(\.manifest.runID),
      facts: [
        ("base", base.label), ("of", other.label), ("statistic", statistic.rawValue), ("window", "\(window)"),
        ("normalise", normalizer.rawValue), ("intervals", cells.first?.method.summary ?? "none"),
      ])
  }
}

/// On which side of 1 a ratio lies.
private enum Side {
  case above, below

  /// Nil for a ratio of exactly 1.
  init?(_ cell: GradientRatio.Cell) {
    guard cell.ratio.value != 1 else { return nil }
    self = cell.ratio.value > 1 ? .above : .below
  }
}
