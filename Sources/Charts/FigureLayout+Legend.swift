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
    let lineHeight = theme.labelSize + 3
    let right = width.rawValue * pointsPerMillimetre - theme.margin
    let titleWidth = legendTitle.isEmpty ? 0 : TextMetrics.width(legendTitle, size: theme.labelSize) + 8
    var position = Point(x: left + titleWidth, y: top + theme.labelSize)
    var result: [FigureLayout.PlacedEntry] = []
    for entry in entries {
      let width = legendSampleWidth + 3 + TextMetrics.width(entry.text, size: theme.labelSize) + 10
      if position.x + width - 10 > right, position.x > left + titleWidth {
        position = Point(x: left + titleWidth, y: position.y + lineHeight)
      }
      result.append(FigureLayout.PlacedEntry(entry: entry, position: position))
      position.x += width
    }
    let bottom = entries.isEmpty ? top : position.y + 4
    return (result, Point(x: left, y: top + theme.labelSize), bottom)
  }

  /// The notes, and if lines were thinned a sentence about it.
  func placedNotes(thinnedTo columnWidth: Double?, left: Double, top: Double) -> [TextLine] {
    let thinning = columnWidth.map { columnWidth in
      "Thinned for print: of each \(NumberText.significant(columnWidth / pointsPerMillimetre, digits: 2)) mm of a line"
        + " only the lowest and the highest point."
    }
    let room = width.rawValue * pointsPerMillimetre - theme.margin - left
    let lines = (notes + (thinning.map { [$0] } ?? [])).flatMap {
      TextMetrics.lines($0, width: room, size: theme.smallSize)
    }
    return lines.enumerated().map { index, line in
      let baseline = top + theme.smallSize + Double(index) * (theme.smallSize + 1.5)
      return TextLine(line, at: Point(x: left, y: baseline), size: theme.smallSize)
    }
  }
}
