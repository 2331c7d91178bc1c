import Charts
import Statistics

extension TaskReport {
  /// Accuracy by task, a point with its interval for each model, and what guessing gives.
  public func figure(program: String, command: String) -> Figure {
    let styles = SeriesStyle.categories(checkpoints.count)
    let names = Array(entries.map(\.task.name).reversed())
    var marks: [any Mark] = []
    let chances = entries.reversed().map { Self.chance($0.task) }
    let guessed = chances.indices.filter { chances[$0] != nil }
    if !guessed.isEmpty {
      marks.append(
        PointsMark(
          "chance", x: guessed.map { chances[$0] ?? .nan }, y: guessed.map(Double.init),
          style: SeriesStyle(color: Color(0x777777), marker: .cross)))
    }
    for (index, (checkpoint, style)) in zip(checkpoints, styles).enumerated() {
      let estimates = entries.reversed().map { Self.accuracy(outcomes($0, index, scoring(of: $0))) }
      let shown = estimates.indices.filter { estimates[$0].interval != nil }
      // Models of one task stand below each other, the first on top.
      let offset = 0.3 - 0.6 * (Double(index) + 0.5) / Double(checkpoints.count)
      let places = shown.map { Double($0) + offset }
      marks.append(
        SegmentsMark(
          "\(checkpoint), 95 %", at: places, from: shown.map { estimates[$0].interval?.lower ?? .nan },
          to: shown.map { estimates[$0].interval?.upper ?? .nan },
          stroke: Stroke(color: style.color, width: 1, dash: []), isHorizontal: true))
      marks.append(PointsMark(checkpoint, x: shown.map { estimates[$0].value }, y: places, style: style))
    }
    let panel = Panel(title: "", xTitle: "accuracy, %", yTitle: "", yCategories: names, marks: marks)
    return Figure(
      width: .column, rows: [[panel]], panelHeight: Double(40 + 26 * entries.count),
      notes: ["Bars: 95 %, Wilson's intervals over examples."],
      metadata: Metadata(
        title: "Accuracy by task", description: notes.joined(separator: " "), program: program,
        command: command,
        facts: [("checkpoints", checkpoints.joined(separator: ", "))]))
  }
}
