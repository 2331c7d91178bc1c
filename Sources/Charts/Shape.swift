/// What a figure is drawn with: everything has its place, in points.
public enum Shape: Equatable, Sendable {
  /// Lines through points, one for each inner array.
  case polylines([[Point]], Stroke)
  /// A filled area.
  case polygon([Point], fill: Color, opacity: Double)
  /// A filled rectangle.
  case rectangle(Rectangle, fill: Color)
  /// Filled rectangles of one colour.
  case cells([Rectangle], fill: Color)
  /// Markers of one series.
  case markers([Point], style: SeriesStyle, radius: Double)
  /// A line of text.
  case text(TextLine)

  /// Whether it is a series' markers.
  var isMarkers: Bool { if case .markers = self { true } else { false } }
}

/// How a line is drawn.
public struct Stroke: Equatable, Sendable {
  /// The colour.
  public var color: Color
  /// The width, in points.
  public var width: Double
  /// The lengths of dashes and gaps in points; empty for a solid line.
  public var dash: [Double] = []

  /// Creates a stroke.
  public init(color: Color, width: Double, dash: [Double] = []) {
    self.color = color
    self.width = width
    self.dash = dash
  }
}

/// A line of text.
public struct TextLine: Equatable, Sendable {
  /// Which part of the text lies at its position.
  public enum Anchor: String, Equatable, Sendable {
    /// The left end.
    case start
    /// The middle.
    case middle
    /// The right end.
    case end
  }

  /// The words.
  public var text: String
  /// What follows above the line, smaller.
  public var exponent: String?
  /// Where the base line lies.
  public var position: Point
  /// The font size, in points.
  public var size: Double
  /// Which part of the text lies at the position.
  public var anchor: Anchor
  /// Whether it is bold.
  public var isBold: Bool
  /// Whether it runs upward.
  public var isVertical: Bool

  /// Creates a line of text.
  public init(
    _ text: String, exponent: String? = nil, at position: Point, size: Double, anchor: Anchor = .start,
    isBold: Bool = false, isVertical: Bool = false
  ) {
    self.text = text
    self.exponent = exponent
    self.position = position
    self.size = size
    self.anchor = anchor
    self.isBold = isBold
    self.isVertical = isVertical
  }
}

/// A finished drawing: its size, what it says about itself, and its shapes from back to front.
public struct Drawing: Equatable, Sendable {
  /// The width on paper, in millimetres.
  public var widthInMillimetres: Double
  /// The height, in points.
  public var height: Double
  /// The fonts of all texts, first choice first.
  public var fontFamily: String
  /// Title, description and origin.
  public var metadata: Metadata
  /// What is drawn, from back to front.
  public var shapes: [Shape]

  /// Creates a drawing.
  public init(
    widthInMillimetres: Double, height: Double, fontFamily: String, metadata: Metadata, shapes: [Shape]
  ) {
    self.widthInMillimetres = widthInMillimetres
    self.height = height
    self.fontFamily = fontFamily
    self.metadata = metadata
    self.shapes = shapes
  }

  /// The width in points.
  public var width: Double { pointsPerMillimetre * widthInMillimetres }
}

/// Points in a millimetre.
let pointsPerMillimetre = 72 / 25.4

/// What a figure says about itself: nothing that changes when the same data are drawn again.
public struct Metadata: Equatable, Sendable {
  /// One line, read out in place of the figure.
  public var title: String
  /// What the figure shows, in sentences.
  public var description: String
  /// The program that made it, with its version.
  public var program: String
  /// The command that made it.
  public var command: String
  /// Ids of the runs that it shows.
  public var runIDs: [String]
  /// Further facts by name, in order: statistic, window, contract.
  public var facts: [(name: String, value: String)]

  /// Creates the metadata of a figure.
  public init(
    title: String, description: String = "", program: String = "", command: String = "",
    runIDs: [String] = [],
    facts: [(name: String, value: String)] = []
  ) {
    self.title = title
    self.description = description
    self.program = program
    self.command = command
    self.runIDs = runIDs
    self.facts = facts
  }

  /// Whether all parts are equal.
  public static func == (one: Metadata, other: Metadata) -> Bool {
    one.title == other.title && one.description == other.description && one.program == other.program
      && one.command == other.command && one.runIDs == other.runIDs
      && one.facts.elementsEqual(other.facts) { $0 == $1 }
  }
}
