/// Vertical strokes from one number to another: the bars of dumbbells, whose ends are ``PointsMark``s.
public struct SegmentsMark: Mark {
  /// What they join.
  public var name: String
  /// Numbers on the horizontal axis.
  public var x: [Double]
  /// Where they begin, as many.
  public var from: [Double]
  /// Where they end, as many.
  public var to: [Double]
  /// How they are drawn.
  public var stroke: Stroke

  /// Creates strokes.
  /// - Precondition: all have equally many numbers.
  public init(_ name: String, x: [Double], from: [Double], to: [Double], stroke: Stroke) {
    precondition(x.count == from.count && x.count == to.count, "\(x.count) places, \(from.count) strokes")
    self.name = name
    self.x = x
    self.from = from
    self.to = to
    self.stroke = stroke
  }

  /// None: the ends count.
  public var pointCount: Int { 0 }

  /// None: the ends are in the legend.
  public var legendStyle: LegendStyle? { nil }

  /// The leftmost to the rightmost.
  public func xExtent(_ scale: Scale.Kind) -> Extent? { Extent(of: x, where: scale.shows) }

  /// The lowest to the highest end.
  public func yExtent(_ scale: Scale.Kind) -> Extent? { Extent(of: from + to, where: scale.shows) }

  /// One stroke for each pair whose ends both have a place.
  public func drawn(in frame: Frame) -> DrawnMark {
    let lines = x.indices.compactMap { index -> [Point]? in
      guard let left = frame.xPosition(x[index]), let start = frame.yPosition(from[index]),
        let end = frame.yPosition(to[index])
      else { return nil }
      return [Point(x: left, y: start), Point(x: left, y: end)]
    }
    var result = DrawnMark.empty
    if !lines.isEmpty { result.shapes = [.polylines(lines, stroke)] }
    return result
  }
}
