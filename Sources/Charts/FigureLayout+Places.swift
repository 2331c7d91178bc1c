/// Where a panel of a laid-out figure is and what it shows, for a view that answers a pointer.
public struct PanelPlace: Sendable {
  /// An axis from one number to another.
  public struct Axis: Equatable, Sendable {
    /// The law.
    public var kind: Scale.Kind
    /// The numbers at its ends.
    public var ends: Extent
  }

  /// One mark's name and those of its points that were drawn.
  public struct Series: Sendable {
    /// The name in the legend and in the companion CSV.
    public var name: String
    /// The points.
    public var points: [PlottedPoint]
    /// Whether the legend shows it.
    public var isInLegend: Bool
    /// Whether it is cells of a heat map.
    public var isCells: Bool
  }

  /// What the panel is called in the companion CSV.
  public var name: String
  /// The inside of its axes, in points from the figure's upper left corner.
  public var area: Rectangle
  /// The horizontal axis.
  public var x: Axis
  /// The vertical axis.
  public var y: Axis
  /// Names of 0, 1, 2 ... on the vertical axis; empty for an axis of numbers.
  public var yCategories: [String]
  /// What it shows, from back to front.
  public var series: [Series]
}

extension FigureLayout {
  /// The panels that have axes, in reading order.
  public var places: [PanelPlace] {
    panels.filter { !$0.panel.marks.isEmpty }.map { placed in
      PanelPlace(
        name: placed.panel.name, area: placed.frame.area,
        x: PanelPlace.Axis(kind: placed.frame.x.kind, ends: placed.frame.x.limits),
        y: PanelPlace.Axis(kind: placed.frame.y.kind, ends: placed.frame.y.limits),
        yCategories: placed.panel.yCategories,
        series: zip(placed.panel.marks, placed.marks).map { mark, drawn in
          PanelPlace.Series(
            name: drawn.name, points: drawn.drawn.points, isInLegend: mark.legendStyle != nil,
            isCells: mark is CellsMark)
        })
    }
  }

  /// The width and height of the whole figure, in points.
  public var size: (width: Double, height: Double) { (width, height) }
}
