import Charts
import Documents
import RunData
import Statistics

extension SweepSummary {
  /// More panels than a page has room for side by side.
  public static let mostColumns = 7

  /// One panel a column, one line a value of the first axis, the smallest of the first column on top; combinations of the other axes
  /// are colours. Nil where nothing could be measured.
  ///
  /// A hollow marker is a lower bound. The baseline's interval is shaded.
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func figure(program: String, command: String) -> Figure? {
    guard rows.contains(where: { $0.numbers.contains { !$0.estimate.value.isNaN } }) else { return nil }
    let lines = rows.map { $0.values[0] }.uniqued()
    let series = rows.map { Array($0.values.dropFirst()) }.uniqued()
    let panels = columns.indices.map { panel($0, lines: lines, series: series) }
    let height = Double(lines.count) * (series.count > 1 ? 13 : 11) + 6
    return Figure(
      width: .page, rows: [panels], sharesX: false, panelHeight: height,
      notes: [
        (notes + (hasLowerBounds ? ["Hollow: at least, for runs bore every rate."] : [])).joined(
          separator: " ")
      ],
      metadata: Metadata(
        title: "\(report.title), side by side",
        description: "One panel a number, one line a value of \(axes[0]): "
          + columns.map(\.title).joined(separator: "; ") + ". " + notes.joined(separator: " "),
        program: program, command: command,
        runIDs: report.cells.flatMap { $0.runs.map(\.manifest.runID) },
        facts: [("axes", axes.joined(separator: ", "))]))
  }

  private var hasLowerBounds: Bool { rows.contains { $0.numbers.contains(where: \.isLowerBound) } }

  private func panel(_ column: Int, lines: [String], series: [[String]]) -> Panel {
    var marks: [any Mark] = []
    if let baseline = rows.first(where: \.isBaseline),
      let interval = baseline.numbers[column].estimate.interval
    {
      marks.append(
        ShadeMark("interval of \(label(baseline.values))", from: interval.lower, to: interval.upper))
    }
    let styles = SeriesStyle.categories(series.count)
    for (index, own) in series.enumerated() {
      // Series of one line stand beside each other.
      let shift = series.count == 1 ? 0 : 0.36 * (0.5 - Double(index) / Double(series.count - 1))
      let points = rows.filter { Array($0.values.dropFirst()) == own }.compactMap { row in
        lines.firstIndex(of: row.values[0]).map {
          (value: row.numbers[column], place: Double(lines.count - 1 - $0) + shift)
        }
      }.filter { !$0.value.estimate.value.isNaN }
      marks += self.marks(points, own.isEmpty ? "mean" : own.joined(separator: ", "), styles[index])
    }
    let isLog = columns[column].measurement.measure.isRatio
    return Panel(
      title: "", name: columns[column].title, xTitle: columns[column].title, yTitle: "",
      xKind: isLog ? .log10 : .linear, yCategories: lines.reversed(), marks: marks)
  }

  private func marks(
    _ points: [(value: Value, place: Double)], _ name: String, _ style: SeriesStyle
  ) -> [any Mark] {
    let intervals = points.filter { $0.value.estimate.interval != nil }
    var marks: [any Mark] = [
      SegmentsMark(
        "95 % interval", at: intervals.map(\.place),
        from: intervals.map { $0.value.estimate.interval?.lower ?? .nan },
        to: intervals.map { $0.value.estimate.interval?.upper ?? .nan },
        stroke: Stroke(color: style.color, width: 0.8), isHorizontal: true)
    ]
    for isBound in [false, true] {
      let own = points.filter { $0.value.isLowerBound == isBound }
      guard !own.isEmpty else { continue }
      var style = style
      style.isHollow = isBound
      marks.append(
        PointsMark(
          isBound ? "\(name), at least" : name, x: own.map(\.value.estimate.value), y: own.map(\.place),
          style: style))
    }
    return marks
  }

  private func label(_ values: [String]) -> String { values.joined(separator: ", ") }
}
