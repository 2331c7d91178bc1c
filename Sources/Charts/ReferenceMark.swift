/// A line across the panel at one number of the vertical axis, e.g. a floor or the fp16 range.
public struct ReferenceMark: Mark {
  /// What the number is; the legend says it.
  public var name: String
  /// The number.
  public var value: Double
  /// How it is drawn.
  public var stroke: Stroke

  /// Creates a reference line.
  public init(_ name: String, at value: Double, color: Color = Color(0x555555), dash: [Double] = [3, 2]) {
    self.name = name
    self.value = value
    stroke = Stroke(color: color, width: 0.7, dash: dash)
  }

  /// None.
  public var pointCount: Int { 0 }

  /// A piece of the line.
  public var legendStyle: LegendStyle? { .stroke(stroke) }

  /// Nothing: it goes wherever the panel goes.
  public func xExtent(_ scale: Scale.Kind) -> Extent? { nil }

  /// The number, so that the line is seen.
  public func yExtent(_ scale: Scale.Kind) -> Extent? { Extent(of: [value], where: scale.shows) }

  /// The line from side to side.
  public func drawn(in frame: Frame) -> DrawnMark {
    guard let y = frame.yPosition(value) else { return .empty }
    let line = [Point(x: frame.area.x, y: y), Point(x: frame.area.maxX, y: y)]
    return DrawnMark(shapes: [.polylines([line], stroke)], points: [], isThinned: false, strays: Strays())
  }
}
