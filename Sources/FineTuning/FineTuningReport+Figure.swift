import Charts
import RunData
import Statistics

extension FineTuningReport {
  /// The median of each task at the best learning rate, a point with the range of the seeds for each checkpoint.
  public func figure(program: String, command: String) -> Figure {
    let rows = Array(tasks.reversed())
    var marks: [any Mark] = []
    for (index, (checkpoint, style)) in zip(checkpoints, SeriesStyle.categories(checkpoints.count))
      .enumerated()
    {
      let cells = rows.enumerated().compactMap { place, task in
        best(checkpoint, task).map { (place: place, values: $0.values.filter { $0 > -.infinity }, cell: $0) }
      }
      // Checkpoints of one task stand below each other, the first on top.
      let offset = 0.3 - 0.6 * (Double(index) + 0.5) / Double(checkpoints.count)
      let places = cells.map { Double($0.place) + offset }
      marks.append(
        SegmentsMark(
          "\(checkpoint), all seeds", at: places, from: cells.map { $0.values.min() ?? .nan },
          to: cells.map { $0.values.max() ?? .nan },
          stroke: Stroke(color: style.color, width: 1, dash: []), isHorizontal: true))
      marks.append(PointsMark(checkpoint, x: cells.map { median($0.cell.values) }, y: places, style: style))
    }
    let panel = Panel(
      title: "", xTitle: "held-out examples, %", yTitle: "",
      yCategories: rows.map { "\($0.title), \(metric($0).title)" }, marks: marks)
    return Figure(
      width: .column, rows: [[panel]], panelHeight: Double(40 + 26 * tasks.count),
      notes: ["Points: medians over seeds at the best learning rate. Bars: lowest to highest."],
      metadata: Metadata(
        title: "Fine-tuned on GLUE", description: notes.joined(separator: " "), program: program,
        command: command, facts: [("checkpoints", checkpoints.joined(separator: ", "))]))
  }
}
