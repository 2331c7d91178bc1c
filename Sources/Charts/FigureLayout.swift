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
    var showsYLabels: Bool
    var marks: [(name: String, drawn: DrawnMark)]
  }

  /// An entry of the legend, and where its sample begins.
  struct PlacedEntry: Sendable {
    var entry: LegendEntry
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
  var width: Double { figure.width.rawValue * pointsPerMillimetre }

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
    var everyAxes = rows.map(verticalAxes)
    let leftRooms = columnRooms(everyAxes)
    let frameWidth = frameWidth(leftRooms)
    for index in rows.indices {
      everyAxes[index].leftRooms = Array(leftRooms[..<rows[index].count])
      everyAxes[index].frameWidth = frameWidth
    }
    for (row, axes) in zip(rows, everyAxes) {
      let headings = row.enumerated().map { index, panel in
        heading(panel, letter: letter(placed.count + index), width: axes.frameWidth)
      }
      cursor += (headings.map(\.height).max() ?? 0) + 4.5
      placed += placedRow(row, axes: axes, headings: headings, top: cursor)
      cursor += panelHeight + footHeight
    }
    let left = placed.first?.frame.area.x ?? theme.margin
    let bar = colorBar?.shapes(left: left, top: cursor, width: min(180, frameWidth / 2), theme) ?? []
    cursor += colorBar?.height(theme) ?? 0
    let legend = placedLegend(legendEntries(placed), left: left, top: cursor)
    cursor = legend.bottom
    let isThinned = placed.contains { $0.marks.contains { $0.drawn.isThinned } }
    let column = isThinned ? placed.first?.frame.columnWidth : nil
    let notes = placedNotes(thinnedTo: column, left: left, top: cursor)
    cursor += Double(notes.count) * (theme.smallSize + 1.5)
    return FigureLayout(
      figure: self, panels: placed, colorBar: bar, legend: legend.entries,
      legendTitlePosition: legend.title, notes: notes, height: cursor + theme.margin)
  }

  /// What is below a frame: ticks, their labels, the axis title.
  private var footHeight: Double {
    theme.tickLength + 2 + theme.smallSize + 3 + theme.labelSize + 5
  }

  /// The vertical axes of a row, and what room they leave.
  private struct VerticalAxes {
    var scales: [Scale]
    var ticks: [Ticks]
    var leftRooms: [Double]
    var frameWidth: Double
  }

  private func verticalAxes(of row: [Panel]) -> VerticalAxes {
    let scales = row.map { panel in
      guard panel.yCategories.isEmpty else { return panel.categoryScale }
      let group = sharesY ? rows.joined().filter { $0.yKind == panel.yKind } : [panel]
      return scale(group, kind: panel.yKind, extent: { $0.yExtent($1) }, padding: 0.05)
    }
    let ticks = zip(row, scales).map { panel, scale in
      guard panel.yCategories.isEmpty else { return panel.categoryTicks }
      return scale.ticks(maximumCount: max(2, Int(panelHeight / (3 * theme.smallSize))))
    }
    let lefts = row.indices.map { leftRoom(row[$0], ticks: ticks[$0], isFirst: $0 == 0) }
    return VerticalAxes(scales: scales, ticks: ticks, leftRooms: lefts, frameWidth: 0)
  }

  /// The room left of each column of frames, so that frames of all rows stand in line.
  private func columnRooms(_ rows: [VerticalAxes]) -> [Double] {
    (0..<(rows.map(\.leftRooms.count).max() ?? 0)).map { column in
      rows.compactMap { $0.leftRooms.indices.contains(column) ? $0.leftRooms[column] : nil }.max() ?? 0
    }
  }

  /// The width of every frame where the columns have these rooms.
  private func frameWidth(_ leftRooms: [Double]) -> Double {
    // Half of the last tick's label reaches over the right edge.
    let right = theme.margin + 6
    let taken =
      theme.margin + leftRooms.reduce(0, +) + right + theme.gap * Double(max(1, leftRooms.count) - 1)
    return (width.rawValue * pointsPerMillimetre - taken) / Double(max(1, leftRooms.count))
  }

  /// Lines of words above a frame, the last base line at 0.
  private struct Heading {
    var lines: [TextLine]
    var height: Double
  }

  private func heading(_ panel: Panel, letter: String, width: Double) -> Heading {
    let indent =
      letter.isEmpty ? 0 : TextMetrics.width(letter, size: theme.titleSize, isBold: true) + 4
    // Bold text is wider than the lines are measured.
    let titles = TextMetrics.lines(panel.title, width: (width - indent) / 1.07, size: theme.titleSize)
    let subtitles = TextMetrics.lines(panel.subtitle, width: width, size: theme.smallSize)
    var y = 0.0
    var lines: [TextLine] = []
    for line in subtitles.reversed() {
      lines.append(TextLine(line, at: Point(x: 0, y: y), size: theme.smallSize))
      y -= theme.smallSize + 1.5
    }
    if !subtitles.isEmpty { y -= 0.5 }
    for line in titles.reversed() {
      lines.append(TextLine(line, at: Point(x: indent, y: y), size: theme.titleSize, isBold: true))
      y -= theme.titleSize + 1
    }
    if !letter.isEmpty {
      let baseline = titles.isEmpty ? y : y + theme.titleSize + 1
      lines.append(TextLine(letter, at: Point(x: 0, y: baseline), size: theme.titleSize, isBold: true))
    }
    return Heading(lines: lines, height: -y)
  }

  private func placedRow(
    _ row: [Panel], axes: VerticalAxes, headings: [Heading], top: Double
  ) -> [FigureLayout.PlacedPanel] {
    var x = theme.margin
    return row.indices.map { index in
      x += axes.leftRooms[index]
      let area = Rectangle(x: x, y: top, width: axes.frameWidth, height: panelHeight)
      x += axes.frameWidth + theme.gap
      let lines = headings[index].lines.map { line in
        var line = line
        line.position = Point(x: line.position.x + area.x, y: line.position.y + top - 4.5)
        return line
      }
      return placed(
        row[index], area: area, yScale: axes.scales[index], yTicks: axes.ticks[index],
        showsYLabels: !sharesY || index == 0, heading: lines)
    }
  }

  /// Space left of a frame: the axis title and the widest tick label.
  private func leftRoom(_ panel: Panel, ticks: Ticks, isFirst: Bool) -> Double {
    guard isFirst || !sharesY else { return theme.tickLength }
    guard !panel.marks.isEmpty else { return 0 }
    let widest = ticks.major.map { tick in
      TextMetrics.width(tick.label, size: theme.smallSize)
        + TextMetrics.width(tick.exponent ?? "", size: theme.smallSize * exponentShare)
    }.max()
    return (panel.yTitle.isEmpty ? 0 : theme.labelSize + 5) + (widest ?? 0) + theme.tickLength + 2.5
  }

  private func placed(
    _ panel: Panel, area: Rectangle, yScale: Scale, yTicks: Ticks, showsYLabels: Bool,
    heading: [TextLine]
  ) -> FigureLayout.PlacedPanel {
    let xScale = scale(
      sharesX ? rows.joined().filter { $0.xKind == panel.xKind } : [panel], kind: panel.xKind,
      extent: { $0.xExtent($1) }, padding: 0.02)
    let frame = Frame(
      area: area, x: xScale, y: yScale, columnWidth: columnWidth(frameWidth: area.width),
      markerRadius: theme.markerRadius)
    let ticks = xScale.ticks(
      maximumCount: max(2, Int(area.width / (4.5 * theme.smallSize))), wholeNumbers: panel.xIsWhole)
    return FigureLayout.PlacedPanel(
      panel: panel, heading: heading, frame: frame, xTicks: ticks, yTicks: yTicks, showsYLabels: showsYLabels,
      marks: panel.marks.map { ($0.name, $0.drawn(in: frame)) })
  }

  private func scale(
    _ panels: [Panel], kind: Scale.Kind, extent: (any Mark, Scale.Kind) -> Extent?, padding: Double
  ) -> Scale {
    let extents = panels.flatMap(\.marks).compactMap { extent($0, kind) }
    let whole = extents.dropFirst().reduce(extents.first) { $0?.union($1) }
    return .covering(whole, kind: kind, padding: padding)
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

extension Panel {
  /// Half a category of room at both ends.
  fileprivate var categoryScale: Scale { Scale(.linear, from: -0.5, to: Double(yCategories.count) - 0.5) }

  fileprivate var categoryTicks: Ticks {
    Ticks(major: yCategories.enumerated().map { Tick(value: Double($0), label: $1) }, minor: [])
  }

  /// The name of a place on the vertical axis; nil on an axis of numbers.
  fileprivate func category(_ y: Double?) -> String? {
    guard let y, let index = Int(exactly: y), yCategories.indices.contains(index) else { return nil }
    return yCategories[index]
  }
}

/// The length of a legend's sample, in points.
let legendSampleWidth = 16.0

/// The size of an exponent relative to its base.
let exponentShare = 0.75
