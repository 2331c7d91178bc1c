/// A place on the figure, in points (1/72 inch), y downward.
public struct Point: Equatable, Sendable {
  /// Distance from the left edge.
  public var x: Double
  /// Distance from the upper edge.
  public var y: Double

  /// Creates a point.
  public init(x: Double, y: Double) {
    self.x = x
    self.y = y
  }
}

/// A rectangle on the figure, in points, y downward.
public struct Rectangle: Equatable, Sendable {
  /// The left edge.
  public var x: Double
  /// The upper edge.
  public var y: Double
  /// The width.
  public var width: Double
  /// The height.
  public var height: Double

  /// Creates a rectangle.
  public init(x: Double, y: Double, width: Double, height: Double) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// The right edge.
  public var maxX: Double { x + width }
  /// The lower edge.
  public var maxY: Double { y + height }
}

/// The least interval that holds a set of numbers.
public struct Extent: Equatable, Sendable {
  /// The smallest number.
  public var lower: Double
  /// The largest number.
  public var upper: Double

  /// Creates an extent.
  public init(lower: Double, upper: Double) {
    self.lower = lower
    self.upper = upper
  }

  /// The extent of those `values` that satisfy `isShown`; nil where none does.
  public init?(of values: [Double], where isShown: (Double) -> Bool = \.isFinite) {
    var found: Extent?
    for value in values where isShown(value) {
      guard let extent = found else {
        found = Extent(lower: value, upper: value)
        continue
      }
      if value < extent.lower { found?.lower = value }
      if value > extent.upper { found?.upper = value }
    }
    guard let found else { return nil }
    self = found
  }

  /// The extent of all; nil of none.
  public init?(union extents: [Extent]) {
    guard let first = extents.first else { return nil }
    self = extents.dropFirst().reduce(first) { $0.union($1) }
  }

  /// The extent of both.
  public func union(_ other: Extent) -> Extent {
    Extent(lower: min(lower, other.lower), upper: max(upper, other.upper))
  }
}
