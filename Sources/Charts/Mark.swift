/// Something that a panel shows in its frame: a line, a band, points.
public protocol Mark: Sendable {
  /// The name in the companion CSV and, with a ``legendStyle``, in the legend.
  var name: String { get }
  /// How the legend shows it; nil where the legend leaves it out.
  var legendStyle: LegendStyle? { get }
  /// How many points it has: what a figure's budget of points is shared among.
  var pointCount: Int { get }
  /// The numbers that the horizontal axis has to hold.
  func xExtent(_ scale: Scale.Kind) -> Extent?
  /// The numbers that the vertical axis has to hold.
  func yExtent(_ scale: Scale.Kind) -> Extent?
  /// The mark in a frame, and what of it was drawn.
  func drawn(in frame: Frame) -> DrawnMark
}

/// The sample of a mark in a legend.
public enum LegendStyle: Equatable, Sendable {
  /// A piece of line with a marker.
  case line(SeriesStyle)
  /// A marker alone.
  case marker(SeriesStyle)
  /// A filled box.
  case box(Color)
  /// A piece of line.
  case stroke(Stroke)
}

/// A panel's inside: its place on the figure, and what its edges stand for.
public struct Frame: Equatable, Sendable {
  /// The place, in points.
  public var area: Rectangle
  /// The horizontal axis.
  public var x: Scale
  /// The vertical axis.
  public var y: Scale
  /// The width that one column of a thinned line has, in points.
  public var columnWidth: Double
  /// The radius of markers, in points.
  public var markerRadius: Double

  /// The distance of a number from the figure's left edge; nil for one without a place on the axis.
  func xPosition(_ value: Double) -> Double? { x.fraction(value).map { area.x + $0 * area.width } }

  /// The distance of a number from the figure's upper edge; nil for one without a place on the axis.
  func yPosition(_ value: Double) -> Double? { y.fraction(value).map { area.maxY - $0 * area.height } }
}

/// A point of a figure's companion CSV.
public struct PlottedPoint: Equatable, Sendable {
  /// The number on the horizontal axis.
  public var x: Double
  /// The number on the vertical axis; of a band nil.
  public var y: Double?
  /// The ends of a band; else nil.
  public var range: Extent?
  /// What of its mark it is, where a mark has several kinds of points; the series' name in the CSV ends with it.
  public var part = ""
}

/// A mark in its frame.
public struct DrawnMark: Equatable, Sendable {
  /// What is drawn, from back to front.
  public var shapes: [Shape]
  /// The points that were drawn.
  public var points: [PlottedPoint]
  /// Whether points were left out because a print could not show them apart.
  public var isThinned: Bool
  /// Places on the horizontal axis of numbers that have none on the vertical one.
  public var strays: Strays

  /// Nothing at all.
  static let empty = DrawnMark(shapes: [], points: [], isThinned: false, strays: Strays())
}

/// Numbers without a place on the vertical axis: they are marked at its edges.
public struct Strays: Equatable, Sendable {
  /// Where a number is infinite or none at all, in points from the figure's left edge.
  public var nonfinite: [Double] = []
  /// Where a number is zero or negative on a logarithmic axis.
  public var notPositive: [Double] = []
  /// The colour of the series.
  public var color = Color.black

  /// Whether there are any.
  public var isEmpty: Bool { nonfinite.isEmpty && notPositive.isEmpty }
}
