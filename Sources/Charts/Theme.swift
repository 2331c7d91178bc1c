/// How a series is drawn: colour, dash pattern and marker together, so that a greyscale print still tells it apart.
public struct SeriesStyle: Equatable, Sendable {
  /// The shape that marks points of a series.
  public enum Marker: Equatable, Sendable, CaseIterable {
    /// A disc.
    case circle
    /// A square.
    case square
    /// A triangle that points up.
    case triangle
    /// A square on its corner.
    case diamond
    /// A triangle that points down.
    case wedge
    /// A diagonal cross.
    case cross
  }

  /// The colour of line and marker.
  public var color: Color
  /// The lengths of dashes and gaps in points; empty for a solid line.
  public var dash: [Double]
  /// The marker.
  public var marker: Marker
  /// Whether the marker is white inside.
  public var isHollow: Bool
  /// Whether the marker has no white edge that sets it off from what is behind it: for very small ones.
  public var isBare: Bool
  /// The width of the line, in points.
  public var lineWidth: Double

  /// Creates a style.
  public init(
    color: Color, dash: [Double] = [], marker: Marker = .circle, isHollow: Bool = false, isBare: Bool = false,
    lineWidth: Double = 1
  ) {
    self.color = color
    self.dash = dash
    self.marker = marker
    self.isHollow = isHollow
    self.isBare = isBare
    self.lineWidth = lineWidth
  }

  /// Styles of `count` series without an order, e.g. architectures.
  public static func categories(_ count: Int) -> [SeriesStyle] {
    let dashes: [[Double]] = [[], [4, 1.5], [1, 1.2], [4, 1.2, 1, 1.2]]
    let colors = Color.okabeIto
    return (0..<count).map { index in
      // Where the colours begin again, dashes go on: no two series look alike.
      SeriesStyle(
        color: colors[index % colors.count], dash: dashes[(index + index / colors.count) % dashes.count],
        marker: Marker.allCases[index % Marker.allCases.count])
    }
  }

  /// Styles of `count` series in an order, e.g. layers from early to late: from dark to light, all solid, with markers
  /// that alternate between filled and hollow.
  public static func ordered(_ count: Int) -> [SeriesStyle] {
    let shapes = Marker.allCases.filter { $0 != .cross }
    return Color.sequence(count).enumerated().map { index, color in
      SeriesStyle(color: color, marker: shapes[index % shapes.count], isHollow: index % 2 == 1)
    }
  }
}

/// Sizes and fonts that all figures share, in points.
public struct Theme: Equatable, Sendable {
  /// The fonts, first choice first.
  public var fontFamily = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
  /// Size of titles of panels.
  public var titleSize = 8.0
  /// Size of axis titles and legends.
  public var labelSize = 7.0
  /// Size of tick labels and notes.
  public var smallSize = 6.0
  /// Width of axis lines and ticks.
  public var axisWidth = 0.5
  /// Length of a labelled tick; the others have half of it.
  public var tickLength = 2.5
  /// Space between panels.
  public var gap = 10.0
  /// Space around everything.
  public var margin = 4.0
  /// Radius of a marker.
  public var markerRadius = 1.5
  /// The most points that all lines and bands of a figure may have together, about eight bytes each.
  public var pointBudget = 8500

  /// The look of a journal: 6 to 8 points, thin axes, no grid.
  public init() {}

  /// From one base line to the next: the boxes of lines in the highest font do not meet.
  public func pitch(_ size: Double) -> Double { size * (TextMetrics.ascent + TextMetrics.descent) + 0.4 }

  /// The width of a tick's exponent.
  func exponentWidth(_ tick: Tick) -> Double {
    TextMetrics.width(tick.exponent ?? "", size: smallSize * exponentShare)
  }
}
