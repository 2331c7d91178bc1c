/// Strokes from one number to another, upright or level: the bars of dumbbells, whose ends are ``PointsMark``s, and intervals.
public struct SegmentsMark: Mark {
  /// What they join.
  public var name: String
  /// Where they stand: numbers on the horizontal axis, of level ones on the vertical.
  public var places: [Double]
  /// Where they begin, as many.
  public var from: [Double]
  /// Where they end, as many.
  public var to: [Double]
  /// How they are drawn.
  public var stroke: Stroke
  /// Whether they lie level.
  public var isHorizontal: Bool

  /// Creates strokes.
  /// - Precondition: all have equally many numbers.
  public init(
    _ name: String, at places: [Double], from: [Double], to: [Double], stroke: Stroke,
    isHorizontal: Bool = false
  ) {
    precondition(
      places.count == from.count && places.count == to.count, "\(places.count) places, \(from.count) strokes")
    self.name = name
    self.places = places
    self.from = from
    self.to = to
    self.stroke = stroke
    self.isHorizontal = isHorizontal
  }

  /// None: the ends count.
  public var pointCount: Int { 0 }

  /// None: the ends are in the legend.
  public var legendStyle: LegendStyle? { nil }

  /// The leftmost to the rightmost.
  public func xExtent(_ scale: Scale.Kind) -> Extent? {
    Extent(of: isHorizontal ? from + to : places, where: scale.shows)
  }

  /// The lowest to the highest.
  public func yExtent(_ scale: Scale.Kind) -> Extent? {
    Extent(of: isHorizontal ? places : from + to, where: scale.shows)
  }

  /// One stroke for each pair whose ends both have a place.
  public func drawn(in frame: Frame) -> DrawnMark {
    let lines = places.indices.compactMap { index -> [Point]? in
      let ends = [from[index], to[index]].compactMap { end in
        isHorizontal ? point(end, places[index], in: frame) : point(places[index], end, in: frame)
      }
      return ends.count == 2 ? ends : nil
    }
    var result = DrawnMark.empty
    if !lines.isEmpty { result.shapes = [.polylines(lines, stroke)] }
    return result
  }

  private func point(_ x: Double, _ y: Double, in frame: Frame) -> Point? {
    guard let left = frame.xPosition(x), let top = frame.yPosition(y) else { return nil }
    return Point(x: left, y: top)
  }
}
