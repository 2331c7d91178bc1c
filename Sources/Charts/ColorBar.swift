/// What the colours of a heat map mean: a strip below the panels, with its numbers.
public struct ColorBar: Equatable, Sendable {
  /// What the numbers are.
  public var title: String
  /// The colours.
  public var colors: ColorScale

  /// Creates a colour bar.
  public init(_ title: String, colors: ColorScale) {
    self.title = title
    self.colors = colors
  }
}

extension ColorBar {
  /// The height of title, strip and labels, in points.
  func height(_ theme: Theme) -> Double { Self.thickness + theme.tickLength + 2 + theme.smallSize + 6 }

  private static let thickness = 7.0

  /// The bar from `left` on, its title before the strip.
  func shapes(left: Double, top: Double, width: Double, _ theme: Theme) -> [Shape] {
    let start = left + TextMetrics.width(title, size: theme.labelSize) + 6
    let strip = Rectangle(x: start, y: top, width: width, height: Self.thickness)
    let frame = Frame(area: strip, x: colors.scale, y: colors.scale, columnWidth: 1, markerRadius: 1)
    let baseline = top + Self.thickness / 2 + theme.labelSize * 0.34
    return [.text(TextLine(title, at: Point(x: left, y: baseline), size: theme.labelSize))]
      + levels(strip) + ticks(frame, theme)
  }

  private func levels(_ strip: Rectangle) -> [Shape] {
    let count = ColorScale.levelCount
    let width = strip.width / Double(count)
    return (0..<count).map { level in
      // Each reaches under the next, or hairlines of the background would show.
      let overlap = level + 1 < count ? 0.5 : 0
      return .rectangle(
        Rectangle(
          x: strip.x + Double(level) * width, y: strip.y, width: width + overlap, height: strip.height),
        fill: ColorScale.color(share: Double(level) / Double(count - 1)))
    }
  }

  private func ticks(_ frame: Frame, _ theme: Theme) -> [Shape] {
    let ticks = colors.scale.ticks(maximumCount: max(4, Int(frame.area.width / (5 * theme.smallSize))))
    var lines: [[Point]] = []
    var labels: [Shape] = []
    var free = -Double.infinity
    for tick in ticks.major {
      guard let x = frame.xPosition(tick.value) else { continue }
      lines.append([Point(x: x, y: frame.area.maxY), Point(x: x, y: frame.area.maxY + theme.tickLength)])
      // Multiples of one power crowd towards the next: a label without room is left out, its tick stays.
      let half = TextMetrics.width(tick.label + (tick.exponent ?? ""), size: theme.smallSize) / 2
      guard x - half >= free else { continue }
      free = x + half + 2
      let place = Point(x: x, y: frame.area.maxY + theme.tickLength + 1.5 + theme.smallSize * 0.8)
      labels.append(
        .text(
          TextLine(tick.label, exponent: tick.exponent, at: place, size: theme.smallSize, anchor: .middle)))
    }
    return (lines.isEmpty ? [] : [.polylines(lines, Stroke(color: .black, width: theme.axisWidth))]) + labels
  }
}
