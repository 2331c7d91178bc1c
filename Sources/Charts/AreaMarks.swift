/// A band between two edges, e.g. of an interval over seeds.
public struct BandMark: Mark {
  /// The name of the band.
  public var name: String
  /// Numbers on the horizontal axis, ascending and finite.
  public var x: [Double]
  /// The lower edge.
  public var lower: [Double]
  /// The upper edge.
  public var upper: [Double]
  /// Runs of points without a gap: positions in `x`.
  public var stretches: [Range<Int>]
  /// The colour, drawn thin enough to see through.
  public var color: Color
  /// How much of what is behind it the band hides, 0 to 1.
  public var opacity: Double

  /// Creates a band.
  /// - Precondition: `x`, `lower` and `upper` have equally many numbers.
  public init(
    _ name: String, x: [Double], lower: [Double], upper: [Double], stretches: [Range<Int>]? = nil,
    color: Color,
    opacity: Double = 0.22
  ) {
    precondition(x.count == lower.count && x.count == upper.count, "edges of unequal length")
    self.name = name
    self.x = x
    self.lower = lower
    self.upper = upper
    self.stretches = stretches ?? [x.indices]
    self.color = color
    self.opacity = opacity
  }

  /// The number of points on both edges.
  public var pointCount: Int { 2 * x.count }

  /// Nothing: what bands mean is said once for all of them.
  public var legendStyle: LegendStyle? { nil }

  /// The first to the last place.
  public func xExtent(_ scale: Scale.Kind) -> Extent? { Extent(of: x, where: scale.shows) }

  /// The lowest lower edge to the highest upper edge.
  public func yExtent(_ scale: Scale.Kind) -> Extent? { Extent(of: lower + upper, where: scale.shows) }

  /// The band; it breaks where an edge has no place on the axis.
  public func drawn(in frame: Frame) -> DrawnMark {
    var result = DrawnMark.empty
    for stretch in stretches {
      let isShown = { frame.y.isShown(lower[$0]) && frame.y.isShown(upper[$0]) }
      for piece in stretch.split(whereSeparator: { !isShown($0) }) where piece.count > 1 {
        draw(Array(piece), in: frame, into: &result)
      }
    }
    return result
  }

  private func draw(_ piece: [Int], in frame: Frame, into result: inout DrawnMark) {
    let places = piece.compactMap { frame.xPosition(x[$0]) }
    let columns = Decimation.envelope(
      x: places, lower: piece.map { lower[$0] }, upper: piece.map { upper[$0] },
      columnWidth: frame.columnWidth)
    let above = columns.compactMap { column in
      frame.yPosition(upper[piece[column.highest]]).map { Point(x: places[column.highest], y: $0) }
    }
    let below = columns.compactMap { column in
      frame.yPosition(lower[piece[column.lowest]]).map { Point(x: places[column.lowest], y: $0) }
    }
    result.shapes.append(.polygon(above + below.reversed(), fill: color, opacity: opacity))
    result.isThinned = result.isThinned || columns.count < piece.count
    result.points += columns.map { column in
      PlottedPoint(
        x: x[piece[column.highest]], y: nil,
        range: Extent(lower: lower[piece[column.lowest]], upper: upper[piece[column.highest]]))
    }
  }
}

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

  /// Creates points.
  /// - Precondition: `x` and `y` have equally many numbers.
  public init(_ name: String, x: [Double], y: [Double], style: SeriesStyle) {
    precondition(x.count == y.count, "\(x.count) places for \(y.count) numbers")
    self.name = name
    self.x = x
    self.y = y
    self.style = style
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
      if let top = frame.yPosition(y) {
        places.append(Point(x: left, y: top))
        result.points.append(PlottedPoint(x: x, y: y, range: nil))
      } else if y.isFinite {
        result.strays.notPositive.append(left)
      } else {
        result.strays.nonfinite.append(left)
      }
    }
    result.shapes = [.markers(places, style: style, radius: frame.markerRadius)]
    return result
  }
}
