import Charts
import Documents
import RunData
import Statistics
import Text

extension CoordinateCheck {
  /// A row an operation: slopes at the first and the last step, and whether the latter is level.
  public var table: Table {
    let ends = [steps.first, steps.last].compactMap(\.self).uniqued()
    var table = Table(
      title:
        "Coordinate check: growth of mean |x| with width, \(widths.map(String.init).joined(separator: ", "))",
      columns: [Table.Column("operation", title: "operation", kind: .text)]
        + ends.map {
          Table.Column("slope_\($0)", title: "slope, step \($0)", kind: .estimate(.decimals(2)))
        } + [
          Table.Column("verdict", title: "at step \(steps.last ?? 0)", kind: .text),
          Table.Column("n", title: "n", kind: .integer),
        ],
      notes: [
        "Slope: least squares of ln mean |x|, averaged over the layers, against ln width; 0 where width makes no difference, 0.5 where"
          + " the mean goes with its square root. Level: the whole 95 % interval over seeds lies within \(Self.level) of 0; grows,"
          + " shrinks: all of it beyond 0."
      ])
    for row in rows {
      table.append(
        [.text(row.operation)] + ends.map { step in .estimate(row.slopes[steps.firstIndex(of: step) ?? 0]) }
          + [.text(Self.verdict(row.slopes[steps.count - 1])), .integer(seedCount)])
    }
    return table
  }

  private static func verdict(_ slope: Estimate) -> String {
    guard let interval = slope.interval else { return "undecided: an interval needs three seeds" }
    if interval.lower >= -level, interval.upper <= level { return "level" }
    if interval.lower > 0 { return "grows" }
    return interval.upper < 0 ? "shrinks" : "undecided"
  }

  /// Mean |x| against width, a panel an operation, a line a step.
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func figure(program: String, command: String) -> Figure? {
    guard !rows.isEmpty else { return nil }
    let shown = Self.shown(steps)
    let styles = SeriesStyle.categories(shown.count)
    let panels = rows.map { row in
      Panel(
        title: row.operation, xTitle: "width", yTitle: "mean |x|", xKind: .log10, yKind: .log10,
        marks: zip(shown, styles).flatMap { place, style in marks(of: row, at: place, style) })
    }
    return Figure(
      width: .page,
      rows: stride(from: 0, to: panels.count, by: 3).map { Array(panels[$0..<min($0 + 3, panels.count)]) },
      sharesY: false, panelHeight: 100,
      notes: [
        "Mean |x| of each operation's output, averaged over the layers."
          + (seedCount > 2 ? " Bands: 95 % intervals over \(seedCount) seeds." : "")
      ],
      metadata: Metadata(
        title: "Coordinate check over widths \(widths.map(String.init).joined(separator: ", "))",
        description:
          "Mean |x| of operations' outputs against the model's width, one line a step of training.",
        program: program, command: command, runIDs: runs.map(\.manifest.runID),
        facts: [("steps", shown.map { String(steps[$0]) }.joined(separator: " "))]))
  }

  /// Places of at most five steps, the first and the last among them.
  private static func shown(_ steps: [Int]) -> [Int] {
    let most = 5
    guard steps.count > most else { return Array(steps.indices) }
    return (0..<most).map { $0 * (steps.count - 1) / (most - 1) }
  }

  private func marks(of row: Row, at place: Int, _ style: SeriesStyle) -> [any Mark] {
    let x = widths.map(Double.init)
    let estimates = row.means[place]
    let name = "step \(steps[place])"
    let line = LineMark(name, x: x, y: estimates.map(\.value), style: style, markerCount: x.count)
    guard estimates.allSatisfy({ $0.interval != nil }) else { return [line] }
    return [
      BandMark(
        "\(name), 95 %", x: x, lower: estimates.map { $0.interval?.lower ?? .nan },
        upper: estimates.map { $0.interval?.upper ?? .nan }, stretches: [x.indices], color: style.color),
      line,
    ]
  }
}
