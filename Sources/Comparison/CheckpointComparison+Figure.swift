import Analysis
import Charts
import Kernels
import Text

extension CheckpointComparison {
  /// A heat map of how much each operation changed in each layer: log10 of the relative difference, one panel a stack; nil where
  /// no tensor lies in a layer.
  ///
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func changeFigure(program: String, command: String) -> Figure? {
    let maps = measurement.stacks.map { StackMap(measurement, stack: $0) }
    guard let tallest = maps.map(\.operations.count).max() else { return nil }
    let values = maps.flatMap(\.changes).map(\.value)
    let extent = Extent(of: values) { $0.isFinite && $0 > 0 }
    let colors = ColorScale(.covering(extent, kind: .log10, padding: 0))
    return Figure(
      width: .page, rows: maps.map { [$0.panel(colors)] }, sharesY: false,
      panelHeight: Double(tallest) * StackMap.rowHeight,
      colorBar: extent.map { _ in ColorBar("||B − A|| / ||A||", colors: colors) },
      notes: figureNotes(of: maps),
      metadata: metadata(
        title: "Relative difference of two checkpoints, by layer and operation",
        description:
          "A grid of cells, layers from left to right, operations from top to bottom. Darker cells changed more.",
        program: program, command: command))
  }

  /// The mean of every gain and learned scale in A and in B, layer by layer, one panel a scale; nil where there are none in any
  /// layer.
  ///
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func scaleFigure(program: String, command: String) -> Figure? {
    let layered = gains.filter { $0.tensor.label.layer != nil }
    var titles: [String] = []
    for gain in layered where !titles.contains(panelTitle(gain)) { titles.append(panelTitle(gain)) }
    guard !titles.isEmpty else { return nil }
    let panels = titles.map { title in dumbbells(title, layered.filter { panelTitle($0) == title }) }
    let columns = min(3, panels.count)
    let rows = stride(from: 0, to: panels.count, by: columns).map {
      Array(panels[$0..<min($0 + columns, panels.count)])
    }
    return Figure(
      width: panels.count == 1 ? .column : .page, rows: rows, sharesY: false, panelHeight: 90,
      notes: ["A: \(measurement.sides[0].title). B: \(measurement.sides[1].title)."],
      metadata: metadata(
        title: "Means of gains and learned scales of two checkpoints, by layer",
        description:
          "One panel a scale; in each layer a stroke from the mean in A (open) to the mean in B (filled).",
        program: program, command: command))
  }

  private func panelTitle(_ gain: Gain) -> String {
    measurement.stacks.count > 1 ? "\(gain.tensor.label.stack): \(gain.title)" : gain.title
  }

  private func dumbbells(_ title: String, _ gains: [Gain]) -> Panel {
    let layers = gains.map { Double($0.tensor.label.layer ?? 0) }
    let (from, to) = (gains.map(\.first.mean), gains.map(\.second.mean))
    let blue = Color.okabeIto[0]
    return Panel(
      title: title, xTitle: "layer", yTitle: "mean", xIsWhole: true,
      marks: [
        SegmentsMark("shift", at: layers, from: from, to: to, stroke: Stroke(color: blue, width: 0.8)),
        PointsMark("A", x: layers, y: from, style: SeriesStyle(color: blue, isHollow: true)),
        PointsMark("B", x: layers, y: to, style: SeriesStyle(color: blue)),
      ])
  }

  private func figureNotes(of maps: [StackMap]) -> [String] {
    var sentences = ["A: \(measurement.sides[0].title). B: \(measurement.sides[1].title)."]
    if measurement.tensors.contains(where: { $0.label.layer == nil }) {
      sentences.append("Tensors outside the layers are not shown.")
    }
    return [sentences.joined(separator: " ")]
  }

  private func metadata(title: String, description: String, program: String, command: String) -> Metadata {
    let whole = PairStatistics(measurement.whole.sums(pair: 0) ?? PairSums())
    return Metadata(
      title: title,
      description: description
        + " Over all tensors the relative difference is \(NumberText.significant(whole.relativeDifference, digits: 3)).",
      program: program, command: command,
      facts: [
        ("A", measurement.sides[0].title), ("B", measurement.sides[1].title),
        ("relative difference", "L2 norm of B - A over the L2 norm of A"),
      ])
  }
}

/// The layers and operations of one stack.
private struct StackMap {
  /// The height of an operation, in points.
  static let rowHeight = 9.0

  struct Change {
    let layer: Int
    let row: Int
    let value: Double
    let isIdentical: Bool
  }

  let stack: String
  /// From top to bottom, in the order in which data pass them.
  let operations: [String]
  let changes: [Change]

  init(_ measurement: Measurement, stack: String) {
    let own = measurement.tensors.filter { $0.label.stack == stack && $0.label.layer != nil }
    var operations: [String] = []
    for tensor in own where tensor.isNumeric && !operations.contains(tensor.label.operation) {
      operations.append(tensor.label.operation)
    }
    self.stack = stack
    self.operations = operations
    changes = own.compactMap { tensor in
      guard let sums = tensor.sums[0], let row = operations.firstIndex(of: tensor.label.operation) else {
        return nil
      }
      return Change(
        layer: tensor.label.layer ?? 0, row: operations.count - 1 - row,
        value: PairStatistics(sums).relativeDifference, isIdentical: sums.unchanged == sums.count)
    }
  }

  func panel(_ colors: ColorScale) -> Panel {
    let same = changes.filter { $0.isIdentical || $0.value == 0 }
    let undefined = changes.filter { !$0.isIdentical && !$0.value.isFinite }
    let drawn = changes.filter { !$0.isIdentical && $0.value.isFinite && $0.value > 0 }
    func points(_ name: String, _ changes: [Change], _ style: SeriesStyle) -> [any Mark] {
      guard !changes.isEmpty else { return [] }
      return [
        PointsMark(name, x: changes.map { Double($0.layer) }, y: changes.map { Double($0.row) }, style: style)
      ]
    }
    let cells = CellsMark(
      "relative difference",
      cells: drawn.map { CellsMark.Cell(column: $0.layer, row: $0.row, value: $0.value) }, colors: colors)
    return Panel(
      title: stack, xTitle: "layer", yTitle: "", xIsWhole: true, yCategories: operations.reversed(),
      marks: [cells] as [any Mark]
        + points("identical", same, SeriesStyle(color: Color(0x555555), isHollow: true))
        + points("undefined: A is zero, or not finite", undefined, SeriesStyle(color: .black, marker: .cross))
    )
  }
}
