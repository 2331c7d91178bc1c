import Text

/// A figure in which everything has its place.
public struct FigureLayout: Sendable {
  /// A panel with its frame, its ticks and its drawn marks.
  struct PlacedPanel: Sendable {
    var panel: Panel
    var heading: [TextLine]
    var frame: Frame
    var xTicks: Ticks
    var yTicks: Ticks
    /// The labels of the vertical axis's ticks, line by line.
    var yLabels: [[String]]
    var showsYLabels: Bool
    /// The axes' titles, line by line.
    var xTitle: [String]
    var yTitle: [String]
    var marks: [(name: String, drawn: DrawnMark)]
  }

  /// An entry of the legend, and where its sample begins.
  struct PlacedEntry: Sendable {
    var entry: LegendEntry
    var lines: [String]
    var position: Point
  }

  /// What is laid out.
  let figure: Figure
  let panels: [PlacedPanel]
  /// The colour bar, drawn.
  let colorBar: [Shape]
  let legend: [PlacedEntry]
  let legendTitlePosition: Point
  let notes: [TextLine]
  /// The height of the whole figure, in points.
  public let height: Double

  /// The width of the whole figure, in points.
  var width: Double { figure.width.points }

  /// The points that were drawn, one a line; those that are marked at the edge too.
  public var csv: String {
    var text = CSVText.line(["panel", "series", "x", "y", "low", "high"])
    for placed in panels {
      for mark in placed.marks {
        for point in mark.drawn.points {
          let numbers = [point.x, point.y, point.range?.lower, point.range?.upper]
          let series = point.part.isEmpty ? mark.name : "\(mark.name), \(point.part)"
          var fields = [placed.panel.name, series] + numbers.map { $0.map(NumberText.shortest) ?? "" }
          if let name = placed.panel.category(point.y) { fields[3] = name }
          text += CSVText.line(fields)
        }
      }
    }
    return text
  }
}

extension Figure {
  /// Gives everything its place.
  public func layout() -> FigureLayout {
    var cursor = theme.margin
    var placed: [FigureLayout.PlacedPanel] = []
    let axes = rows.map(verticalAxes)
    let columns = columns(axes)
    for (row, axes) in zip(rows, axes) {
      let headings = row.enumerated().map { index, panel in
        heading(panel, letter: letter(placed.count + index), width: columns.frameWidth)
      }
      cursor += (headings.map(\.height).max() ?? 0) + 4.5
      placed += placedRow(row, axes: axes, columns: columns, headings: headings, top: cursor)
      cursor += axes.height + footHeight(row, frameWidth: columns.frameWidth)
    }
    let left = placed.first?.frame.area.x ?? theme.margin
    let right = width.points - theme.margin
    let bar = colorBar?.placed(left: left, top: cursor, right: right, frameWidth: columns.frameWidth, theme)
    cursor = bar?.bottom ?? cursor
    let legend = placedLegend(legendEntries(placed), left: left, top: cursor)
    cursor = legend.bottom
    let isThinned = placed.contains { $0.marks.contains { $0.drawn.isThinned } }
    let column = isThinned ? placed.first?.frame.columnWidth : nil
    let notes = placedNotes(thinnedTo: column, left: left, top: cursor)
    cursor += Double(notes.count) * theme.pitch(theme.smallSize)
    return FigureLayout(
      figure: self, panels: placed, colorBar: bar?.shapes ?? [], legend: legend.entries,
      legendTitlePosition: legend.title, notes: notes, height: cursor + theme.margin)
  }

  /// What is below a frame: ticks, their labels, the axis title.
  private func footHeight(_ row: [Panel], frameWidth: Double) -> Double {
    let titleLines = row.map { xTitle($0, frameWidth: frameWidth).count }.max() ?? 0
    return theme.tickLength + 3 + theme.smallSize + 3 + theme.labelSize + 5
      + Double(max(1, titleLines) - 1) * theme.pitch(theme.labelSize)
  }

  private func xTitle(_ panel: Panel, frameWidth: Double) -> [String] {
    TextMetrics.lines(panel.xTitle, width: frameWidth, size: theme.labelSize)
  }

  /// Lines of words above a frame, the last base line at 0.
  private struct Heading {
    var lines: [TextLine]
    var height: Double
  }

  private func heading(_ panel: Panel, letter: String, width: Double) -> Heading {
    let indent =
      letter.isEmpty ? 0 : TextMetrics.width(letter, size: theme.titleSize, isBold: true) + 4
    let titles = TextMetrics.lines(panel.title, width: width - indent, size: theme.titleSize, isBold: true)
    let subtitles = TextMetrics.lines(panel.subtitle, width: width, size: theme.smallSize)
    var y = 0.0
    var lines: [TextLine] = []
    for line in subtitles.reversed() {
      lines.append(TextLine(line, at: Point(x: 0, y: y), size: theme.smallSize))
      y -= theme.pitch(theme.smallSize)
    }
    if !subtitles.isEmpty { y -= 0.5 }
    for line in titles.reversed() {
      lines.append(TextLine(line, at: Point(x: indent, y: y), size: theme.titleSize, isBold: true))
      y -= theme.pitch(theme.titleSize)
    }
    if !letter.isEmpty {
      let baseline = titles.isEmpty ? y : y + theme.pitch(theme.titleSize)
      lines.append(TextLine(letter, at: Point(x: 0, y: baseline), size: theme.titleSize, isBold: true))
      if titles.isEmpty { y -= theme.pitch(theme.titleSize) }
    }
    // In reading order.
    return Heading(lines: lines.reversed(), height: -y)
  }

  private func placedRow(
    _ row: [Panel], axes: VerticalAxes, columns: Columns, headings: [Heading], top: Double
  ) -> [FigureLayout.PlacedPanel] {
    row.indices.map { index in
      let area = Rectangle(
        x: columns.lefts[index], y: top, width: columns.frameWidth, height: axes.height)
      let heading = headings[index].lines.map { line in
        var line = line
        line.position = Point(x: line.position.x + area.x, y: line.position.y + top - 4.5)
        return line
      }
      let panel = row[index]
      let frame = Frame(
        area: area, x: horizontalScale(panel), y: axes.scales[index],
        columnWidth: columnWidth(frameWidth: area.width), markerRadius: theme.markerRadius)
      return FigureLayout.PlacedPanel(
        panel: panel, heading: heading, frame: frame, xTicks: xTicks(panel, frameWidth: area.width),
        yTicks: axes.ticks[index], yLabels: axes.labels[index], showsYLabels: !sharesY || index == 0,
        xTitle: xTitle(panel, frameWidth: area.width), yTitle: axes.titles[index],
        marks: panel.marks.map { ($0.name, $0.drawn(in: frame)) })
    }
  }

  /// Half a point, or as much as it takes to stay within the theme's budget of points.
  private func columnWidth(frameWidth: Double) -> Double {
    let counts = rows.joined().flatMap(\.marks).map(\.pointCount)
    var width = 0.5
    func needed() -> Int { counts.reduce(0) { $0 + min($1, Int(2 * frameWidth / width) + 2) } }
    while needed() > theme.pointBudget, width < frameWidth { width *= 1.1 }
    return width
  }

  private func letter(_ index: Int) -> String {
    guard rows.joined().count > 1, index < 26 else { return "" }
    return String(UnicodeScalar(UInt8(ascii: "a") + UInt8(index)))
  }
}

/// The length of a legend's sample, in points.
let legendSampleWidth = 16.0

/// The size of an exponent relative to its base.
let exponentShare = 0.75
