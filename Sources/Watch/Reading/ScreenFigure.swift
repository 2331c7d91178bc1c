import Charts

/// A figure as a page shows it: its picture, and what answers the pointer.
struct ScreenFigure: Codable, Sendable {
  /// An axis.
  struct Axis: Codable, Sendable {
    var isLogarithmic: Bool
    var lower: Double
    var upper: Double
  }

  /// A line, a band or cells.
  struct Series: Codable, Sendable {
    var name: String
    var isMain: Bool
    var isCells: Bool
    var x: [Double]
    /// Of a band its lower edge, of cells the row.
    var y: [Double?]
    /// Of a band its upper edge, of cells the number; empty for a line.
    var upper: [Double?]
  }

  /// A panel.
  struct Panel: Codable, Sendable {
    var name: String
    /// Left, upper edge, width, height.
    var area: [Double]
    var x: Axis
    var y: Axis
    var categories: [String]
    var series: [Series]
    /// Some places of the horizontal axis and the steps there, ascending, where it counts something else; empty where it counts steps.
    var places: [Double] = []
    var steps: [Double] = []
    /// Whether the horizontal axis can be read as steps.
    var hasSteps = false
  }

  var svg: String
  var width: Double
  var height: Double
  var panels: [Panel]

  /// Draws a figure for a screen.
  /// - Parameter pixels: the room that it has.
  init(_ figure: Figure, pixels: Double) {
    let layout = figure.fitted(to: pixels).layout()
    svg = layout.drawing().inlineSVG
    (width, height) = layout.size
    panels = layout.places.map(Panel.init)
  }
}

extension ScreenFigure.Axis {
  fileprivate init(_ axis: PanelPlace.Axis) {
    self.init(isLogarithmic: axis.kind == .log10, lower: axis.ends.lower, upper: axis.ends.upper)
  }
}

extension ScreenFigure.Panel {
  fileprivate init(_ place: PanelPlace) {
    name = place.name
    area = [place.area.x, place.area.y, place.area.width, place.area.height]
    x = ScreenFigure.Axis(place.x)
    y = ScreenFigure.Axis(place.y)
    categories = place.yCategories
    series = place.series.map { series in
      func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
      let hasRanges = series.points.contains { $0.range != nil }
      return ScreenFigure.Series(
        name: series.name, isMain: series.isInLegend, isCells: series.isCells, x: series.points.map(\.x),
        y: series.points.map { finite(series.isCells ? $0.y : $0.y ?? $0.range?.lower) },
        upper: hasRanges ? series.points.map { finite($0.range?.upper) } : [])
    }
  }
}

extension Figure {
  /// Pixels of a screen in a point, in which a figure measures.
  private static let pixelsPerPoint = 96.0 / 72

  /// The figure as wide as a screen has room for, its panels beside each other as far as they are readable, its words as
  /// large as those around it.
  func fitted(to pixels: Double) -> Figure {
    var figure = self
    let points = pixels / Self.pixelsPerPoint
    figure.width = Figure.Width(rawValue: points * 25.4 / 72)
    let panels = rows.flatMap(\.self)
    let leastWidth = 200.0
    let columns = max(1, min(panels.count, Int(points / leastWidth), 4))
    // Panels that share a row share its height and its vertical axis.
    if rows.allSatisfy({ $0.count > 1 }) || columns == 1 || rows.count == 1 {
      figure.rows = stride(from: 0, to: panels.count, by: columns).map {
        Array(panels[$0..<min($0 + columns, panels.count)])
      }
    }
    let frameWidth = points / Double(columns)
    if panelHeight >= 100 { figure.panelHeight = min(330, max(150, frameWidth * 0.5)) }
    figure.theme.titleSize = 9.75
    figure.theme.labelSize = 9
    figure.theme.smallSize = 8.25
    figure.theme.markerRadius = 2
    return figure
  }
}
