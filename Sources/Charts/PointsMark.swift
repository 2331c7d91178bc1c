/// Points without a line.
public struct PointsMark: Mark {
  /// The name of the series.
  public var name: String
  /// Numbers on the horizontal axis.
  public var x: [Double]
  /// Numbers on the vertical axis, as many.
  public var y: [Double]
  /// How they are drawn.
  public var style: SeriesStyle
  /// The markers' radius, as a share of the frame's.
  public var size: Double

  /// Creates points.
  /// - Precondition: `x` and `y` have equally many numbers.
  public init(_ name: String, x: [Double], y: [Double], style: SeriesStyle, size: Double = 1) {
    precondition(x.count == y.count, "\(x.count) places for \(y.count) numbers")
    self.name = name
    self.x = x
    self.y = y
    self.style = style
    self.size = size
  }

  /// The number of points.
  public var pointCount: Int { x.count }

  /// A marker.
  public var legendStyle: LegendStyle? { .marker(style) }

  /// The leftmost to the rightmost number.
  public func xExtent(_ scale: Scale.Kind) -> Extent? { Extent(of: x, where: scale.shows) }

  /// The lowest to the highest number.
  public func yExtent(_ scale: Scale.Kind) -> Extent? { Extent(of: y, where: scale.shows) }

  /// One marker a point; those without a place on the vertical axis are marked at its edge.
  public func drawn(in frame: Frame) -> DrawnMark {
    var result = DrawnMark.empty
    result.strays.color = style.color
    var places: [Point] = []
    for (x, y) in zip(x, y) {
      guard let left = frame.xPosition(x) else { continue }
      result.points.append(PlottedPoint(x: x, y: y, range: nil))
      if let top = frame.yPosition(y) {
        places.append(Point(x: left, y: top))
      } else if y.isFinite {
        result.strays.notPositive.append(left)
      } else {
        result.strays.nonfinite.append(left)
      }
    }
    result.shapes = [.markers(places, style: style, radius: frame.markerRadius * size)]
    return result
  }
}
