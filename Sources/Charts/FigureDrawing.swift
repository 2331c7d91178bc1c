extension FigureLayout {
  /// Draws everything in its place.
  public func drawing() -> Drawing {
    let background = Rectangle(x: 0, y: 0, width: width, height: height)
    var shapes: [Shape] = [.rectangle(background, fill: .white)]
    for panel in panels {
      // Markers above all lines: one under a line of another series would not be read.
      let marks = panel.marks.flatMap(\.drawn.shapes)
      shapes += marks.filter { !$0.isMarkers } + marks.filter(\.isMarkers)
      shapes +=
        panel.panel.marks.isEmpty ? panel.heading.map(Shape.text) : axes(panel) + strays(panel) + texts(panel)
    }
    shapes += colorBar + legendShapes + notes.map(Shape.text)
    return Drawing(
      widthInMillimetres: figure.width.rawValue, height: height, fontFamily: figure.theme.fontFamily,
      metadata: figure.metadata, shapes: shapes)
  }

  private var theme: Theme { figure.theme }

  // MARK: - Axes

  private func axes(_ placed: PlacedPanel) -> [Shape] {
    let frame = placed.frame
    let area = frame.area
    let corner = [
      Point(x: area.x, y: area.y), Point(x: area.x, y: area.maxY), Point(x: area.maxX, y: area.maxY),
    ]
    var lines = [corner]
    func addTicks(_ values: [Double], length: Double, isHorizontal: Bool) {
      for value in values {
        guard let start = isHorizontal ? frame.xPosition(value) : frame.yPosition(value) else { continue }
        lines.append(
          isHorizontal
            ? [Point(x: start, y: area.maxY), Point(x: start, y: area.maxY + length)]
            : [Point(x: area.x, y: start), Point(x: area.x - length, y: start)])
      }
    }
    addTicks(placed.xTicks.major.map(\.value), length: theme.tickLength, isHorizontal: true)
    addTicks(placed.xTicks.minor, length: theme.tickLength / 2, isHorizontal: true)
    addTicks(placed.yTicks.major.map(\.value), length: theme.tickLength, isHorizontal: false)
    addTicks(placed.yTicks.minor, length: theme.tickLength / 2, isHorizontal: false)
    return [.polylines(lines, Stroke(color: .black, width: theme.axisWidth))]
  }

  /// Numbers without a place on the vertical axis, once a point of width, at its ends: in the colour of their series, in
  /// black where several series have one.
  private func strays(_ placed: PlacedPanel) -> [Shape] {
    let area = placed.frame.area
    let strays = placed.marks.map(\.drawn.strays)
    func row(_ places: (Strays) -> [Double], y: Double, style: (Color) -> SeriesStyle) -> [Shape] {
      var owners: [Double: Set<UInt32>] = [:]
      for stray in strays {
        for place in places(stray) { owners[place.rounded(), default: []].insert(stray.color.rgb) }
      }
      let byColor = Dictionary(grouping: owners.keys) { place in
        owners[place].flatMap { $0.count == 1 ? $0.first : nil } ?? Color.black.rgb
      }
      return byColor.sorted { $0.key < $1.key }.map { rgb, columns in
        let points = columns.sorted().map { Point(x: $0, y: y) }
        return .markers(points, style: style(Color(rgb)), radius: theme.markerRadius * 0.8)
      }
    }
    return row(\.nonfinite, y: area.y, style: Strays.nonfiniteStyle)
      + row(\.notPositive, y: area.maxY - 1.5, style: Strays.notPositiveStyle)
  }

  // MARK: - Words

  private func texts(_ placed: PlacedPanel) -> [Shape] {
    (placed.heading + tickLabels(placed) + axisTitles(placed)).map(Shape.text)
  }

  private func tickLabels(_ placed: PlacedPanel) -> [TextLine] {
    let frame = placed.frame
    let size = theme.smallSize
    let below = placed.xTicks.major.compactMap { tick in
      frame.xPosition(tick.value).map { x in
        TextLine(
          tick.label, exponent: tick.exponent,
          // Below the box of a label at the lower end of the vertical axis.
          at: Point(x: x, y: frame.area.maxY + theme.tickLength + 2.5 + size * 0.8), size: size,
          anchor: .middle)
      }
    }
    guard placed.showsYLabels else { return below }
    let pitch = theme.pitch(size)
    return below
      + zip(placed.yTicks.major, placed.yLabels).flatMap { tick, lines -> [TextLine] in
        guard let y = frame.yPosition(tick.value) else { return [] }
        return lines.enumerated().map { index, line in
          let offset = (Double(index) - Double(lines.count - 1) / 2) * pitch
          return TextLine(
            line, exponent: tick.exponent,
            // Capital letters and digits are about 0.72 of the size high.
            at: Point(x: frame.area.x - theme.tickLength - 1.5, y: y + offset + size * 0.36), size: size,
            anchor: .end)
        }
      }
  }

  private func axisTitles(_ placed: PlacedPanel) -> [TextLine] {
    let area = placed.frame.area
    let size = theme.labelSize
    let pitch = theme.pitch(size)
    let baseline = area.maxY + theme.tickLength + 3 + theme.smallSize + 2 + size
    let below = placed.xTitle.enumerated().map { index, line in
      TextLine(
        line, at: Point(x: area.x + area.width / 2, y: baseline + Double(index) * pitch), size: size,
        anchor: .middle)
    }
    guard placed.showsYLabels else { return below }
    let labels = figure.labelWidth(placed.yTicks, placed.yLabels)
    let last = area.x - theme.tickLength - 5.5 - labels
    return below
      + placed.yTitle.enumerated().map { index, line in
        let x = last - Double(placed.yTitle.count - 1 - index) * pitch
        return TextLine(
          line, at: Point(x: x, y: area.y + area.height / 2), size: size, anchor: .middle, isVertical: true)
      }
  }

  // MARK: - Legend

  private var legendShapes: [Shape] {
    guard !legend.isEmpty else { return [] }
    let title = TextLine(figure.legendTitle, at: legendTitlePosition, size: theme.labelSize)
    return (figure.legendTitle.isEmpty ? [] : [.text(title)]) + legend.flatMap(shapes)
  }

  private func shapes(_ placed: PlacedEntry) -> [Shape] {
    let size = theme.labelSize
    let middle = placed.position.y - size * 0.34
    let ends = [
      Point(x: placed.position.x, y: middle), Point(x: placed.position.x + legendSampleWidth, y: middle),
    ]
    let center = Point(x: placed.position.x + legendSampleWidth / 2, y: middle)
    let words = placed.lines.enumerated().map { index, line in
      let baseline = placed.position.y + Double(index) * theme.pitch(size)
      return Shape.text(
        TextLine(line, at: Point(x: placed.position.x + legendSampleWidth + 3, y: baseline), size: size))
    }
    var sample: [Shape]
    switch placed.entry.style {
    case .line(let style):
      let stroke = Stroke(color: style.color, width: style.lineWidth, dash: style.dash)
      sample = [.polylines([ends], stroke), .markers([center], style: style, radius: theme.markerRadius)]
    case .marker(let style):
      sample = [.markers([center], style: style, radius: theme.markerRadius)]
    case .stroke(let stroke):
      sample = [.polylines([ends], stroke)]
    case .box(let color):
      let box = Rectangle(
        x: ends[0].x, y: middle - size * 0.36, width: legendSampleWidth, height: size * 0.72)
      sample = [.rectangle(box, fill: color)]
    }
    return sample + words
  }
}

extension Strays {
  /// The mark of a number that is not finite.
  static func nonfiniteStyle(_ color: Color) -> SeriesStyle { SeriesStyle(color: color, marker: .cross) }

  /// The mark of a number that a logarithmic axis has no place for.
  static func notPositiveStyle(_ color: Color) -> SeriesStyle {
    SeriesStyle(color: color, marker: .wedge, isHollow: true)
  }
}

extension LegendStyle {
  /// Whether it stands for a series.
  var isSeries: Bool {
    switch self {
    case .line, .marker: return true
    case .stroke, .box: return false
    }
  }
}
