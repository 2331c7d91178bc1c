/// One diagram with its axes.
public struct Panel: Sendable {
  /// The heading, e.g. the architecture.
  public var title: String
  /// What the panel is called in the companion CSV; the heading, where that tells it apart.
  public var name: String
  /// A second line under the heading, smaller.
  public var subtitle: String
  /// What the horizontal axis shows, with its unit.
  public var xTitle: String
  /// What the vertical axis shows, with its unit.
  public var yTitle: String
  /// The law of the horizontal axis.
  public var xKind: Scale.Kind
  /// The law of the vertical axis.
  public var yKind: Scale.Kind
  /// Whether the horizontal axis counts something, so that only whole numbers make sense on it.
  public var xIsWhole: Bool
  /// Names of 0, 1, 2 ... on the vertical axis, upward; empty for an axis of numbers.
  public var yCategories: [String]
  /// What the panel shows, from back to front; a panel without marks keeps its place, and has no axes.
  public var marks: [any Mark]

  /// Creates a panel.
  /// - Parameter name: nil for the heading.
  public init(
    title: String, name: String? = nil, subtitle: String = "", xTitle: String, yTitle: String,
    xKind: Scale.Kind = .linear,
    yKind: Scale.Kind = .linear, xIsWhole: Bool = false,
    yCategories: [String] = [], marks: [any Mark]
  ) {
    self.title = title
    self.name = name ?? title
    self.subtitle = subtitle
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.xKind = xKind
    self.yKind = yKind
    self.xIsWhole = xIsWhole
    self.yCategories = yCategories
    self.marks = marks
  }
}

/// An entry of a legend that belongs to no single mark.
public struct LegendEntry: Equatable, Sendable {
  /// The words.
  public var text: String
  /// The sample before them.
  public var style: LegendStyle

  /// Creates an entry.
  public init(_ text: String, style: LegendStyle) {
    self.text = text
    self.style = style
  }
}

extension Panel {
  /// Panels side by side, up to three in a row.
  public static func rows(of panels: [Panel]) -> [[Panel]] {
    let columns = 3
    return stride(from: 0, to: panels.count, by: columns).map {
      Array(panels[$0..<min($0 + columns, panels.count)])
    }
  }
}

/// Panels in a grid with a common legend below them: what a figure shows, before anything has its place.
///
/// ``layout()`` places it, ``FigureLayout/drawing()`` draws it, ``Drawing/svg`` writes it; each step is a value.
public struct Figure: Sendable {
  /// How wide a figure is: a journal's column or page, or what a screen has room for.
  public struct Width: RawRepresentable, Equatable, Sendable {
    /// The width in millimetres.
    public let rawValue: Double

    /// Creates a width from millimetres.
    public init(rawValue: Double) { self.rawValue = rawValue }

    /// One column: 89 mm.
    public static let column = Width(rawValue: 89)
    /// The page: 183 mm.
    public static let page = Width(rawValue: 183)

    /// The width in points.
    var points: Double { rawValue * pointsPerMillimetre }
  }

  /// The width on paper.
  public var width: Width
  /// The panels, row by row.
  public var rows: [[Panel]]
  /// Whether all panels have the same horizontal axis.
  public var sharesX: Bool
  /// Whether all panels have the same vertical axis, labelled on the left only.
  public var sharesY: Bool
  /// The height of a panel's frame, in points.
  public var panelHeight: Double
  /// What the colours of heat maps mean; nil without any.
  public var colorBar: ColorBar?
  /// What is written before the legend.
  public var legendTitle: String
  /// Entries after those of the marks.
  public var extraLegend: [LegendEntry]
  /// Sentences below the legend.
  public var notes: [String]
  /// Title, description and origin.
  public var metadata: Metadata
  /// Sizes and fonts.
  public var theme: Theme

  /// Creates a figure.
  public init(
    width: Width, rows: [[Panel]], sharesX: Bool = true, sharesY: Bool = true, panelHeight: Double = 130,
    colorBar: ColorBar? = nil, legendTitle: String = "",
    extraLegend: [LegendEntry] = [], notes: [String] = [], metadata: Metadata, theme: Theme = Theme()
  ) {
    self.width = width
    self.rows = rows
    self.sharesX = sharesX
    self.sharesY = sharesY
    self.panelHeight = panelHeight
    self.colorBar = colorBar
    self.legendTitle = legendTitle
    self.extraLegend = extraLegend
    self.notes = notes
    self.metadata = metadata
    self.theme = theme
  }

  /// The figure as SVG.
  public var svg: String { layout().drawing().svg }

  /// The points that were drawn, one a line: `panel,series,x,y,low,high`, with full-precision numbers.
  public var csv: String { layout().csv }
}
