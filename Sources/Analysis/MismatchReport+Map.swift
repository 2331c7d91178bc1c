import Charts
import RunData

extension MismatchReport {
  /// A heat map of layer by step: one panel a group, steps from left to right, the last layer on top.
  ///
  /// A cell has the largest value of its steps, so that a spike of one step shows whatever the width; of several seeds the
  /// geometric mean of each step.
  /// - Parameters:
  ///   - columns: cells beside each other, at most.
  ///   - window: steps that are shown; nil for all.
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func mapFigure(
    columns: Int = 120, window: StepWindow? = nil, program: String, command: String
  ) -> Figure {
    let grids = entries.map { grid($0, columns: columns, shown: window ?? StepWindow(lower: 0, upper: nil)) }
    let extent = Extent(of: grids.flatMap(\.cells).map(\.value)) { $0.isFinite && $0 > 0 }
    let colors = ColorScale(Scale.covering(extent, kind: .log10, padding: 0))
    let layerCount = entries.map(\.group.manifest.gradients.layerCount).max() ?? 1
    let panels = zip(entries, grids).map { entry, grid in
      Panel(
        title: entry.group.label, xTitle: "step", yTitle: "layer", xIsWhole: true,
        yCategories: (0..<layerCount).map(String.init),
        marks: [
          CellsMark(
            "largest \(statistic.title)", cells: grid.cells.filter { $0.value.isFinite && $0.value > 0 },
            colors: colors,
            columnStart: grid.start, columnWidth: grid.width)
        ])
    }
    return Figure(
      width: .page, rows: panels.map { [$0] }, sharesY: false,
      panelHeight: min(240, max(60, Double(layerCount) * 9)),
      colorBar: extent.map { _ in ColorBar("largest \(statistic.title) of a cell's steps", colors: colors) },
      notes: ["Each cell has the largest value of the gradient of \(operation) over its steps."],
      metadata: Metadata(
        title: "\(statistic.title) of the \(operation) gradient by layer and step",
        description: "One panel a group of runs; layers upward, steps from left to right; darker is larger.",
        program: program, command: command, runIDs: entries.flatMap { $0.group.runs.map(\.manifest.runID) },
        facts: [("operation", operation), ("statistic", statistic.rawValue)]))
  }

  private struct Grid {
    var cells: [CellsMark.Cell]
    var start: Double
    var width: Double
  }

  private func grid(_ entry: Entry, columns: Int, shown: StepWindow) -> Grid {
    let series = entry.group.runs.compactMap {
      LayerSeries(run: $0, operation: operation, statistic: statistic)
    }
    guard let first = series.first else { return Grid(cells: [], start: 0, width: 1) }
    let shared = SharedSteps(series)
    let kept = shown.indices(in: shared.steps)
    guard let firstStep = shared.steps[kept].first, let lastStep = shared.steps[kept].last else {
      return Grid(cells: [], start: 0, width: 1)
    }
    let width = max(1, (Double(lastStep - firstStep + 1) / Double(max(1, columns))).rounded(.up))
    let start = Double(firstStep) - 0.5
    var cells: [CellsMark.Cell] = []
    for layer in 0..<first.layerCount where first.elementCounts[layer] > 0 {
      let values = SeedBand(series, layer: layer, shared: shared).mean
      var largest: [Int: Double] = [:]
      for (step, value) in zip(shared.steps[kept], values[kept]) where value.isFinite {
        let column = Int((Double(step) - start) / width)
        largest[column] = max(largest[column] ?? -.infinity, value)
      }
      cells += largest.sorted { $0.key < $1.key }.map {
        CellsMark.Cell(column: $0.key, row: layer, value: $0.value)
      }
    }
    return Grid(cells: cells, start: start, width: width)
  }
}
