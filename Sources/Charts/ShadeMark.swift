/// A part of the horizontal axis, shaded over the panel's whole height.
public struct ShadeMark: Mark {
  /// What it marks.
  public var name: String
  /// From where to where.
  public var range: Extent
  /// The colour.
  public var color: Color

  /// Creates a shade.
  public init(_ name: String, from lower: Double, to upper: Double, color: Color = Color(0xEEEEEE)) {
    self.name = name
    range = Extent(lower: lower, upper: upper)
    self.color = color
  }

  /// None.
  public var pointCount: Int { 0 }

  /// A filled box.
  public var legendStyle: LegendStyle? { .box(color) }

  /// Nothing: a shade follows the data and does not widen the axis.
  public func xExtent(_ scale: Scale.Kind) -> Extent? { nil }

  /// Nothing.
  public func yExtent(_ scale: Scale.Kind) -> Extent? { nil }

  /// The shaded rectangle, cut off at the panel's sides.
  public func drawn(in frame: Frame) -> DrawnMark {
    guard let left = frame.xPosition(range.lower), let right = frame.xPosition(range.upper) else {
      return .empty
    }
    let start = max(left, frame.area.x)
    let width = min(right, frame.area.maxX) - start
    guard width > 0 else { return .empty }
    let area = Rectangle(x: start, y: frame.area.y, width: width, height: frame.area.height)
    return DrawnMark(
      shapes: [.rectangle(area, fill: color)], points: [], isThinned: false, strays: Strays())
  }
}
