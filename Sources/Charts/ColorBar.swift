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
  private static let thickness = 7.0
  /// Between the title and the strip.
  private static let gap = 6.0
  /// What the strip has room for at least beside its title, or the title stands above it.
  private static let leastWidth = 90.0

  /// The bar from `left` on, its title before the strip or above it; and the lower end of its labels.
  func placed(
    left: Double, top: Double, right: Double, frameWidth: Double, _ theme: Theme
  ) -> (shapes: [Shape], bottom: Double) {
    let width = min(180, max(Self.leastWidth, frameWidth / 2))
    // The label at the strip's end reaches beyond it.
    let most = right - left - 6
    let lines = TextMetrics.lines(title, width: right - left, size: theme.labelSize)
    let beside = (TextMetrics.width(title, size: theme.labelSize) + Self.gap)
    let isBeside = lines.count == 1 && beside + Self.leastWidth <= most
    let start = isBeside ? left + beside : left
    let pitch = theme.pitch(theme.labelSize)
    let stripTop = isBeside ? top : top + Double(lines.count) * pitch
    let strip = Rectangle(
      x: start, y: stripTop, width: min(width, left + most - start), height: Self.thickness)
    let frame = Frame(area: strip, x: colors.scale, y: colors.scale, columnWidth: 1, markerRadius: 1)
    let baseline = isBeside ? top + Self.thickness / 2 + theme.labelSize * 0.34 : top + theme.labelSize * 0.9
    let words = lines.enumerated().map { index, line in
      Shape.text(
        TextLine(line, at: Point(x: left, y: baseline + Double(index) * pitch), size: theme.labelSize))
    }
    let height = Self.thickness + theme.tickLength + 2 + theme.smallSize + 6
    return (words + levels(strip) + ticks(frame, theme), stripTop + height)
  }

  private func levels(_ strip: Rectangle) -> [Shape] {
    let levels = colors.levels
    let width = strip.width / Double(levels.count)
    return levels.enumerated().map { level, color in
      // Each reaches under the next, or hairlines of the background would show.
      let overlap = level + 1 < levels.count ? 0.5 : 0
      return .rectangle(
        Rectangle(
          x: strip.x + Double(level) * width, y: strip.y, width: width + overlap, height: strip.height),
        fill: color)
    }
  }

  private func ticks(_ frame: Frame, _ theme: Theme) -> [Shape] {
    func width(_ tick: Tick) -> Double {
      TextMetrics.width(tick.label, size: theme.smallSize) + theme.exponentWidth(tick)
    }
    let ticks = colors.scale.ticks(
      maximumCount: max(4, Int(frame.area.width / (5 * theme.smallSize))), length: frame.area.width, gap: 2,
      extent: width)
    let lines = (ticks.major.map(\.value) + ticks.minor).compactMap(frame.xPosition).map { x in
      [Point(x: x, y: frame.area.maxY), Point(x: x, y: frame.area.maxY + theme.tickLength)]
    }
    let labels = ticks.major.compactMap { tick in
      frame.xPosition(tick.value).map { x in
        let place = Point(x: x, y: frame.area.maxY + theme.tickLength + 1.5 + theme.smallSize * 0.8)
        return Shape.text(
          TextLine(tick.label, exponent: tick.exponent, at: place, size: theme.smallSize, anchor: .middle))
      }
    }
    return (lines.isEmpty ? [] : [.polylines(lines, Stroke(color: .black, width: theme.axisWidth))]) + labels
  }
}
