/// A series as a line that breaks where something is missing.
public struct LineMark: Mark {
  /// The name of the series.
  public var name: String
  /// Numbers on the horizontal axis, ascending and finite.
  public var x: [Double]
  /// Numbers on the vertical axis, as many.
  public var y: [Double]
  /// Runs of points without a gap: positions in `x`. The line breaks between them, and at every number that has no place
  /// on the axis; such numbers are marked at the edge.
  public var stretches: [Range<Int>]
  /// How it is drawn.
  public var style: SeriesStyle
  /// How many markers it has along the panel's width; 0 for none.
  public var markerCount: Int
  /// Where the first marker lies, as a share of the distance between two: so markers of several series keep apart.
  public var markerPhase: Double
  /// Whether the legend shows it.
  public var isInLegend: Bool

  /// Creates a line.
  /// - Precondition: `x` and `y` have equally many numbers.
  public init(
    _ name: String, x: [Double], y: [Double], stretches: [Range<Int>]? = nil, style: SeriesStyle,
    markerCount: Int = 0, markerPhase: Double = 0.5, isInLegend: Bool = true
  ) {
    precondition(x.count == y.count, "\(x.count) places for \(y.count) numbers")
    self.name = name
    self.x = x
    self.y = y
    self.stretches = stretches ?? [x.indices]
    self.style = style
    self.markerCount = markerCount
    self.markerPhase = markerPhase
    self.isInLegend = isInLegend
  }

  /// A piece of line, with a marker if the line has any.
  public var legendStyle: LegendStyle? {
    guard isInLegend else { return nil }
    return markerCount > 0
      ? .line(style) : .stroke(Stroke(color: style.color, width: style.lineWidth, dash: style.dash))
  }

  /// The number of points.
  public var pointCount: Int { x.count }

  /// The first to the last place.
  public func xExtent(_ scale: Scale.Kind) -> Extent? { Extent(of: x, where: scale.shows) }

  /// The lowest to the highest number that has a place on the axis.
  public func yExtent(_ scale: Scale.Kind) -> Extent? { Extent(of: y, where: scale.shows) }

  /// The line, its markers, and dots for points that stand alone.
  public func drawn(in frame: Frame) -> DrawnMark {
    var result = DrawnMark.empty
    var lines: [[Point]] = []
    var dots: [Point] = []
    var shown: [Int] = []
    for (piece, kept) in shownPieces(in: frame) {
      let places = kept.compactMap { index in place(index, in: frame) }
      result.isThinned = result.isThinned || kept.count < piece.count
      result.points += kept.map { PlottedPoint(x: x[$0], y: y[$0], range: nil) }
      if piece.count == 1 { dots += places } else { lines.append(places) }
      shown += Array(piece)
    }
    let lost = lost(in: frame)
    result.strays = strays(lost, in: frame)
    if !lost.isEmpty {
      result.points += lost.map { PlottedPoint(x: x[$0], y: y[$0], range: nil) }
      result.points.sort { $0.x < $1.x }
    }
    if !lines.isEmpty {
      result.shapes.append(
        .polylines(lines, Stroke(color: style.color, width: style.lineWidth, dash: style.dash)))
    }
    if !dots.isEmpty {
      let dot = SeriesStyle(color: style.color)
      result.shapes.append(.markers(dots, style: dot, radius: style.lineWidth * 0.8))
    }
    let markers = markerPlaces(among: shown, in: frame)
    if !markers.isEmpty {
      result.shapes.append(.markers(markers, style: style, radius: frame.markerRadius))
    }
    return result
  }

  /// The pieces of the line that have a place on the axes, each with those of its points that the frame's columns can
  /// show apart: positions in ``x``.
  func shownPieces(in frame: Frame) -> [(piece: Range<Int>, kept: [Int])] {
    stretches.flatMap { pieces(of: $0, scale: frame.y) }.map { piece in
      let places = piece.compactMap { index in place(index, in: frame) }
      let kept = Decimation.kept(x: places.map(\.x), y: places.map(\.y), columnWidth: frame.columnWidth)
      return (piece, kept.map { piece.lowerBound + $0 })
    }
  }

  /// Positions of the numbers that have no place on the vertical axis.
  func lost(in frame: Frame) -> [Int] { stretches.joined().filter { !frame.y.isShown(y[$0]) } }

  private func place(_ index: Int, in frame: Frame) -> Point? {
    guard let x = frame.xPosition(x[index]), let y = frame.yPosition(y[index]) else { return nil }
    return Point(x: x, y: y)
  }

  /// The parts of a stretch that can be drawn.
  private func pieces(of stretch: Range<Int>, scale: Scale) -> [Range<Int>] {
    var result: [Range<Int>] = []
    var start: Int?
    for index in stretch {
      if scale.isShown(y[index]) {
        start = start ?? index
      } else if let first = start {
        result.append(first..<index)
        start = nil
      }
    }
    if let start { result.append(start..<stretch.upperBound) }
    return result
  }

  private func strays(_ lost: [Int], in frame: Frame) -> Strays {
    var strays = Strays(color: style.color)
    for index in lost {
      guard let place = frame.xPosition(x[index]) else { continue }
      if y[index].isFinite { strays.notPositive.append(place) } else { strays.nonfinite.append(place) }
    }
    return strays
  }

  /// The points of the line nearest to evenly spaced places; every point where there are no more than markers.
  private func markerPlaces(among shown: [Int], in frame: Frame) -> [Point] {
    guard markerCount > 0, !shown.isEmpty else { return [] }
    guard shown.count > markerCount else { return shown.compactMap { place($0, in: frame) } }
    let distance = frame.area.width / Double(markerCount)
    var result: [Int] = []
    var cursor = 0
    for marker in 0..<markerCount {
      let target = frame.area.x + (Double(marker) + markerPhase) * distance
      func miss(_ position: Int) -> Double {
        abs((frame.xPosition(x[shown[position]]) ?? .infinity) - target)
      }
      while cursor + 1 < shown.count, miss(cursor + 1) < miss(cursor) { cursor += 1 }
      // A marker that is far from its place would crowd another one.
      if miss(cursor) <= distance / 2, result.last != shown[cursor] { result.append(shown[cursor]) }
    }
    return result.compactMap { place($0, in: frame) }
  }
}

extension Scale.Kind {
  /// Whether a number has a place on an axis of this kind.
  func shows(_ number: Double) -> Bool { number.isFinite && (self == .linear || number > 0) }
}
