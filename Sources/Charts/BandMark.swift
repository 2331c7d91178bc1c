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
    for piece in shownPieces(in: frame) {
      let above = piece.columns.compactMap { point(x[$0.highest], upper[$0.highest], in: frame) }
      let below = piece.columns.compactMap { point(x[$0.lowest], lower[$0.lowest], in: frame) }
      result.shapes.append(.polygon(above + below.reversed(), fill: color, opacity: opacity))
      result.isThinned = result.isThinned || piece.isThinned
      result.points += piece.columns.map { column in
        PlottedPoint(
          x: x[column.highest], y: nil,
          range: Extent(lower: lower[column.lowest], upper: upper[column.highest]))
      }
    }
    return result
  }

  /// The pieces of the band that have a place on the axes, as the frame's columns show them: in each, the positions of
  /// the lowest lower edge and of the highest upper edge.
  func shownPieces(in frame: Frame) -> [(columns: [(lowest: Int, highest: Int)], isThinned: Bool)] {
    stretches.flatMap { stretch in
      let isShown = { frame.y.isShown(lower[$0]) && frame.y.isShown(upper[$0]) }
      return stretch.split(whereSeparator: { !isShown($0) }).filter { $0.count > 1 }.map { piece in
        let indices = Array(piece)
        let columns = Decimation.envelope(
          x: indices.compactMap { frame.xPosition(x[$0]) }, lower: indices.map { lower[$0] },
          upper: indices.map { upper[$0] }, columnWidth: frame.columnWidth)
        return (columns.map { (indices[$0.lowest], indices[$0.highest]) }, columns.count < indices.count)
      }
    }
  }

  private func point(_ x: Double, _ y: Double, in frame: Frame) -> Point? {
    guard let x = frame.xPosition(x), let y = frame.yPosition(y) else { return nil }
    return Point(x: x, y: y)
  }
}
