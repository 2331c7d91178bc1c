import Text

extension Figure {
  /// Series first, then shades and the like, then what marks at the edges mean.
  func legendEntries(_ placed: [FigureLayout.PlacedPanel]) -> [LegendEntry] {
    var result: [LegendEntry] = []
    for mark in rows.joined().flatMap(\.marks) {
      guard let style = mark.legendStyle else { continue }
      let entry = LegendEntry(mark.name, style: style)
      if !result.contains(entry) { result.append(entry) }
    }
    // Shades and the like come after the series.
    result = result.filter { $0.style.isSeries } + result.filter { !$0.style.isSeries } + extraLegend
    let strays = placed.flatMap(\.marks).map(\.drawn.strays)
    if strays.contains(where: { !$0.nonfinite.isEmpty }) {
      result.append(LegendEntry("not finite", style: .marker(Strays.nonfiniteStyle(.black))))
    }
    if strays.contains(where: { !$0.notPositive.isEmpty }) {
      result.append(LegendEntry("zero or less", style: .marker(Strays.notPositiveStyle(.black))))
    }
    return result
  }

  /// Entries from left to right, in as many lines as they take.
  func placedLegend(
    _ entries: [LegendEntry], left: Double, top: Double
  ) -> (entries: [FigureLayout.PlacedEntry], title: Point, bottom: Double) {
    let pitch = theme.pitch(theme.labelSize)
    let right = width.points - theme.margin
    let titleWidth = legendTitle.isEmpty ? 0 : TextMetrics.width(legendTitle, size: theme.labelSize) + 8
    let start = left + titleWidth
    let sample = legendSampleWidth + 3
    var position = Point(x: start, y: top + theme.labelSize)
    var lineCount = 1
    var result: [FigureLayout.PlacedEntry] = []
    for entry in entries {
      let lines = TextMetrics.lines(entry.text, width: right - start - sample, size: theme.labelSize)
      let width = sample + (lines.map { TextMetrics.width($0, size: theme.labelSize) }.max() ?? 0)
      if position.x + width > right, position.x > start {
        position = Point(x: start, y: position.y + Double(lineCount) * pitch + 1)
        lineCount = 1
      }
      result.append(FigureLayout.PlacedEntry(entry: entry, lines: lines, position: position))
      position.x += width + 10
      lineCount = max(lineCount, lines.count)
    }
    let bottom = entries.isEmpty ? top : position.y + Double(lineCount - 1) * pitch + 4
    return (result, Point(x: left, y: top + theme.labelSize), bottom)
  }

  /// The notes, and if lines were thinned a sentence about it.
  func placedNotes(thinnedTo columnWidth: Double?, left: Double, top: Double) -> [TextLine] {
    let thinning = columnWidth.map { columnWidth in
      "Thinned for print: of each \(NumberText.significant(columnWidth / pointsPerMillimetre, digits: 2)) mm of a line"
        + " only the lowest and the highest point."
    }
    let room = width.points - theme.margin - left
    let lines = (notes + (thinning.map { [$0] } ?? [])).flatMap {
      TextMetrics.lines($0, width: room, size: theme.smallSize)
    }
    return lines.enumerated().map { index, line in
      let baseline = top + theme.smallSize + Double(index) * theme.pitch(theme.smallSize)
      return TextLine(line, at: Point(x: left, y: baseline), size: theme.smallSize)
    }
  }
}
