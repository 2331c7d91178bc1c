/// The vertical axes of a row of panels.
struct VerticalAxes {
  var scales: [Scale]
  var ticks: [Ticks]
  /// The labels of the ticks, line by line.
  var labels: [[[String]]]
  /// The axes' titles, line by line.
  var titles: [[String]]
  /// The height of the frames.
  var height: Double
  /// The room left of each frame that titles and labels take.
  var leftRooms: [Double]
}

/// Where the frames of all rows stand, so that they are in line.
struct Columns {
  /// The left edges.
  var lefts: [Double]
  /// The width of every frame.
  var frameWidth: Double
}

extension Figure {
  // MARK: - Vertical axes

  func verticalAxes(of row: [Panel]) -> VerticalAxes {
    let labelled = row.map(categoryLabels)
    let lineCount = labelled.joined().map(\.count).max() ?? 0
    let categoryCount = row.map(\.yCategories.count).max() ?? 0
    let height = max(panelHeight, Double(categoryCount * lineCount) * theme.pitch(theme.smallSize))
    let scales = row.map { panel in
      guard panel.yCategories.isEmpty else { return panel.categoryScale }
      let group = sharesY ? rows.joined().filter { $0.yKind == panel.yKind } : [panel]
      return scale(group, kind: panel.yKind, extent: { $0.yExtent($1) }, padding: 0.05)
    }
    let ticks = zip(row, scales).map { panel, scale in
      panel.yCategories.isEmpty ? yTicks(scale, height: height) : panel.categoryTicks
    }
    var axes = VerticalAxes(
      scales: scales, ticks: ticks, labels: [], titles: [], height: height, leftRooms: [])
    for (index, panel) in row.enumerated() {
      axes.labels.append(
        panel.yCategories.isEmpty ? ticks[index].major.map { [$0.label] } : labelled[index])
      axes.titles.append(TextMetrics.lines(panel.yTitle, width: height, size: theme.labelSize))
      axes.leftRooms.append(leftRoom(panel, axes, index))
    }
    return axes
  }

  /// Names on the vertical axis take two fifths of a column at most.
  private func categoryLabels(_ panel: Panel) -> [[String]] {
    let room = 0.4 * width.points / Double(columnCount)
    return panel.yCategories.map { TextMetrics.lines($0, width: room, size: theme.smallSize) }
  }

  private var columnCount: Int { max(1, rows.map(\.count).max() ?? 0) }

  private func yTicks(_ scale: Scale, height: Double) -> Ticks {
    let count = max(2, Int(height / (3 * theme.smallSize)))
    return scale.ticks(maximumCount: count, length: height, gap: 0.3) { [theme] tick in
      theme.smallSize * (TextMetrics.ascent + TextMetrics.descent + (tick.exponent == nil ? 0 : 0.2))
    }
  }

  /// The axis title and the widest tick label.
  private func leftRoom(_ panel: Panel, _ axes: VerticalAxes, _ index: Int) -> Double {
    guard index == 0 || !sharesY else { return theme.tickLength }
    guard !panel.marks.isEmpty else { return 0 }
    let titles = Double(axes.titles[index].count) * theme.pitch(theme.labelSize)
    return (titles == 0 ? 0 : titles + 3.5) + labelWidth(axes.ticks[index], axes.labels[index])
      + theme.tickLength + 2.5
  }

  /// The width of the widest label.
  func labelWidth(_ ticks: Ticks, _ labels: [[String]]) -> Double {
    zip(ticks.major, labels).map { tick, lines in
      let widths = lines.map { TextMetrics.width($0, size: theme.smallSize) }
      return (widths.max() ?? 0) + theme.exponentWidth(tick)
    }.max() ?? 0
  }

  // MARK: - Horizontal axes

  func horizontalScale(_ panel: Panel) -> Scale {
    scale(
      sharesX ? rows.joined().filter { $0.xKind == panel.xKind } : [panel], kind: panel.xKind,
      extent: { $0.xExtent($1) }, padding: 0.02)
  }

  func xTicks(_ panel: Panel, frameWidth: Double) -> Ticks {
    let count = max(2, Int(frameWidth / (4.5 * theme.smallSize)))
    return horizontalScale(panel).ticks(
      maximumCount: count, wholeNumbers: panel.xIsWhole, length: frameWidth, gap: 3
    ) { [theme] tick in TextMetrics.width(tick.label, size: theme.smallSize) + theme.exponentWidth(tick) }
  }

  /// Frames as wide as their labels leave room for: those of ticks near a frame's side reach beyond it.
  func columns(_ axes: [VerticalAxes]) -> Columns {
    let count = columnCount
    let leftRooms = (0..<count).map { column in
      axes.compactMap { $0.leftRooms.indices.contains(column) ? $0.leftRooms[column] : nil }.max() ?? 0
    }
    var reach = Array(repeating: (left: 0.0, right: 6.0), count: count)
    var columns = Columns(lefts: [], frameWidth: 0)
    // Narrower frames may have other ticks, whose labels reach further; that ends soon.
    for _ in 0..<4 {
      columns = placedColumns(leftRooms, reach: reach)
      let needed = (0..<count).map { overhang(column: $0, frameWidth: columns.frameWidth) }
      guard zip(needed, reach).contains(where: { $0.left > $1.left || $0.right > $1.right }) else { break }
      reach = zip(needed, reach).map { (max($0.left, $1.left), max($0.right, $1.right)) }
    }
    return columns
  }

  private func placedColumns(_ leftRooms: [Double], reach: [(left: Double, right: Double)]) -> Columns {
    var lefts: [Double] = []
    var taken = theme.margin
    for (column, room) in leftRooms.enumerated() {
      if column > 0 {
        // Labels of neighbours keep four points apart.
        taken += max(theme.gap, reach[column - 1].right + 4 + max(0, reach[column].left - room))
      }
      taken += column == 0 ? max(room, reach[0].left) : room
      lefts.append(taken)
    }
    let right = theme.margin + (reach.last?.right ?? 0)
    let frameWidth = (width.points - taken - right) / Double(leftRooms.count)
    return Columns(
      lefts: lefts.enumerated().map { $1 + Double($0) * frameWidth }, frameWidth: frameWidth)
  }

  /// How far labels of a column's horizontal axes reach beyond its frames.
  private func overhang(column: Int, frameWidth: Double) -> (left: Double, right: Double) {
    var most = (left: 0.0, right: 0.0)
    for panel in rows where panel.indices.contains(column) && !panel[column].marks.isEmpty {
      let scale = horizontalScale(panel[column])
      for tick in xTicks(panel[column], frameWidth: frameWidth).major {
        guard let place = scale.fraction(tick.value) else { continue }
        let half = (TextMetrics.width(tick.label, size: theme.smallSize) + theme.exponentWidth(tick)) / 2
        most.left = max(most.left, half - place * frameWidth)
        most.right = max(most.right, half - (1 - place) * frameWidth)
      }
    }
    return most
  }

  private func scale(
    _ panels: [Panel], kind: Scale.Kind, extent: (any Mark, Scale.Kind) -> Extent?, padding: Double
  ) -> Scale {
    let extents = panels.flatMap(\.marks).compactMap { extent($0, kind) }
    return .covering(Extent(union: extents), kind: kind, padding: padding)
  }
}

extension Panel {
  /// Half a category of room at both ends.
  var categoryScale: Scale { Scale(.linear, from: -0.5, to: Double(yCategories.count) - 0.5) }

  var categoryTicks: Ticks {
    Ticks(major: yCategories.enumerated().map { Tick(value: Double($0), label: $1) }, minor: [])
  }

  /// The name of the place on the vertical axis that a number is nearest to; nil on an axis of numbers.
  func category(_ y: Double?) -> String? {
    guard let y, let index = Int(exactly: y.rounded()), yCategories.indices.contains(index) else {
      return nil
    }
    return yCategories[index]
  }
}
