import Charts
import RunData
import Statistics

extension OutputReport {
  /// Operations from top to bottom, layers from left to right, one panel a group; nil where nothing in the layers is shown.
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func mapFigure(program: String, command: String) -> Figure? {
    let inLayers = rows.filter(\.isInLayers)
    let names = operationNames
    let values = inLayers.flatMap { $0.values.compactMap { $0?.value } }
    let extent = Extent(of: values) { $0.isFinite && $0 > 0 }
    guard !names.isEmpty, extent != nil else { return nil }
    let colors = ColorScale(Scale.covering(extent, kind: .log10, padding: 0))
    let panels = groups.map { group in
      let cells = inLayers.filter { $0.group.label == group.label }.flatMap { row in
        row.values.enumerated().compactMap { layer, value -> CellsMark.Cell? in
          guard let value = value?.value, value.isFinite, value > 0,
            let place = names.firstIndex(of: row.operation)
          else { return nil }
          return CellsMark.Cell(column: layer, row: names.count - 1 - place, value: value)
        }
      }
      return Panel(
        title: group.label, xTitle: "layer", yTitle: "", xIsWhole: true, yCategories: names.reversed(),
        marks: [CellsMark(statistic.title, cells: cells, colors: colors)])
    }
    return Figure(
      width: .page, rows: panels.map { [$0] }, sharesY: false, panelHeight: Double(max(4, names.count)) * 9,
      colorBar: ColorBar(statistic.title, colors: colors),
      notes: ["\(statistic.title) of each operation's output over \(window.title)."],
      metadata: metadata("Outputs by operation and layer, \(statistic.title)", program, command))
  }

  /// The statistic of each operation over the layers, a line a group, a panel an operation.
  public func lineFigure(program: String, command: String) -> Figure? {
    let inLayers = rows.filter(\.isInLayers)
    let names = operationNames
    guard !names.isEmpty else { return nil }
    let styles = SeriesStyle.categories(groups.count)
    let panels = names.map { name in
      Panel(
        title: name, xTitle: "layer", yTitle: statistic.title, yKind: .log10, xIsWhole: true,
        marks: zip(groups, styles).flatMap { group, style -> [any Mark] in
          guard let row = inLayers.first(where: { $0.operation == name && $0.group.label == group.label })
          else { return [] }
          return marks(of: row, style)
        })
    }
    let perRow = names.count == 1 ? 1 : 3
    return Figure(
      width: names.count == 1 ? .column : .page,
      rows: stride(from: 0, to: panels.count, by: perRow).map {
        Array(panels[$0..<min($0 + perRow, panels.count)])
      }, sharesY: false,
      notes: [intervalNote].filter { !$0.isEmpty },
      metadata: metadata("Outputs by layer, \(statistic.title)", program, command))
  }

  /// The entropy of every head: layers from left to right, heads upward, one panel a group; nil where no run has looked.
  public func headFigure(program: String, command: String) -> Figure? {
    let known = heads.filter { $0.head.entropy.isFinite }
    guard let extent = Extent(of: known.map(\.head.entropy)) else { return nil }
    let colors = ColorScale(
      Scale.covering(Extent(lower: min(0, extent.lower), upper: extent.upper), kind: .linear, padding: 0))
    let headCount = (known.map(\.head.head).max() ?? 0) + 1
    let panels = groups.map { group in
      Panel(
        title: group.label, xTitle: "layer", yTitle: "head", xIsWhole: true,
        yCategories: (0..<headCount).map(String.init),
        marks: [
          CellsMark(
            "entropy (nats)",
            cells: known.filter { $0.group.label == group.label }.map {
              CellsMark.Cell(column: $0.head.layer, row: $0.head.head, value: $0.head.entropy)
            }, colors: colors)
        ])
    }
    return Figure(
      width: .page, rows: panels.map { [$0] }, sharesY: false,
      panelHeight: min(240, max(36, Double(headCount) * 9)),
      colorBar: ColorBar("entropy (nats)", colors: colors),
      notes: ["Mean entropy of each head's attention probabilities over \(window.title)."],
      metadata: metadata("Entropy of attention by head and layer", program, command))
  }

  /// The operations of the layers that are shown, each once.
  private var operationNames: [String] {
    let names = rows.filter(\.isInLayers).map(\.operation)
    return names.indices.filter { names.firstIndex(of: names[$0]) == $0 }.map { names[$0] }
  }

  private func marks(of row: Row, _ style: SeriesStyle) -> [any Mark] {
    let layers = row.values.indices.map(Double.init)
    let values = row.values.map { $0?.value ?? .nan }
    let line = LineMark(
      row.group.label, x: layers, y: values, stretches: values.definedStretches, style: style,
      markerCount: max(1, values.count))
    guard row.group.runs.count > 2 else { return [line] }
    return [
      BandMark(
        "\(row.group.label), 95 % interval", x: layers,
        lower: row.values.map { $0?.interval?.lower ?? .nan },
        upper: row.values.map { $0?.interval?.upper ?? .nan },
        stretches: row.values.map { $0?.interval?.lower ?? .nan }.definedStretches, color: style.color),
      line,
    ]
  }

  private var intervalNote: String {
    groups.contains { $0.runs.count > 2 }
      ? "Bands: 95 % intervals over seeds, Student's t of logarithms." : ""
  }

  private func metadata(_ title: String, _ program: String, _ command: String) -> Metadata {
    Metadata(
      title: "\(title) over \(window.title)",
      description: "Layers from left to right, the groups of runs beside or below each other.",
      program: program,
      command: command, runIDs: groups.flatMap { $0.runs.map(\.manifest.runID) },
      facts: [("statistic", statistic.rawValue), ("window", "\(window)")])
  }
}
