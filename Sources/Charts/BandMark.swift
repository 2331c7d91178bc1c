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
