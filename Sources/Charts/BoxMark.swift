/// Boxes with whiskers (Tukey, "Exploratory Data Analysis", 1977), one at each of some places of the horizontal axis.
public struct BoxMark: Mark {
  /// What is known of the numbers at one place.
  public struct Box: Equatable, Sendable {
    /// The place on the horizontal axis.
    public var x: Double
    /// The middle of the numbers; nil where there are none.
    public var median: Double?
    /// From the first to the third quartile; nil draws no box.
    public var quartiles: Extent?
    /// The ends of the whiskers; nil draws none.
    public var whiskers: Extent?
    /// Whether the upper whisker ends further up than is known.
    public var isOpenAbove: Bool
    /// Numbers beyond the whiskers, as small points.
    public var outliers: [Double]
    /// All numbers where there are few, as points side by side in this order.
    public var points: [Double]
    /// Whether there are numbers that are infinite or none at all: they are marked at the edge.
    public var hasNonfinite: Bool

    /// Creates a box.
    public init(
      x: Double, median: Double?, quartiles: Extent?, whiskers: Extent?, isOpenAbove: Bool = false,
      outliers: [Double] = [], points: [Double] = [], hasNonfinite: Bool = false
    ) {
      self.x = x
      self.median = median
      self.quartiles = quartiles
      self.whiskers = whiskers
      self.isOpenAbove = isOpenAbove
      self.outliers = outliers
      self.points = points
      self.hasNonfinite = hasNonfinite
    }

    var numbers: [Double] {
      [median, quartiles?.lower, quartiles?.upper, whiskers?.lower, whiskers?.upper].compactMap { $0 }
        + outliers + points
    }
  }

  /// The name of the series.
  public var name: String
  /// The boxes.
  public var boxes: [Box]
  /// The colour of outlines and points.
  public var color: Color
  /// Whether boxes are white inside, not tinted.
  public var isHollow: Bool
  /// How wide a box is, on the horizontal axis.
  public var width: Double

  /// Creates boxes.
  public init(_ name: String, boxes: [Box], color: Color, isHollow: Bool = false, width: Double = 0.64) {
    self.name = name
    self.boxes = boxes
    self.color = color
    self.isHollow = isHollow
    self.width = width
  }

  /// None: boxes are never thinned.
  public var pointCount: Int { 0 }

  /// None: what a box shows is said once, in words.
  public var legendStyle: LegendStyle? { nil }

  /// Half of the distance to the next whole number on either side of all boxes.
  public func xExtent(_ scale: Scale.Kind) -> Extent? {
    Extent(of: boxes.flatMap { [$0.x - 0.5, $0.x + 0.5] }, where: scale.shows)
  }

  /// The lowest to the highest of all numbers.
  public func yExtent(_ scale: Scale.Kind) -> Extent? {
    Extent(of: boxes.flatMap(\.numbers), where: scale.shows)
  }

  /// Boxes, whiskers, medians and points. What has no place on the vertical axis is left out and marked at the edge.
  public func drawn(in frame: Frame) -> DrawnMark {
    var ink = BoxInk(frame: frame, width: width)
    for box in boxes { ink.add(box) }
    var result = DrawnMark.empty
    let fill = isHollow ? Color.white : color.lightened(by: 0.75)
    let fine = Stroke(color: color, width: 0.6)
    let dot = SeriesStyle(color: color, isBare: true)
    result.shapes = [
      .polylines(ink.whiskers, fine), .cells(ink.areas, fill: fill), .polylines(ink.outlines, fine),
      .polylines(ink.medians, Stroke(color: .black, width: 1.1)),
      .markers(ink.outliers, style: dot, radius: frame.markerRadius * 0.45),
      .markers(ink.points, style: dot, radius: frame.markerRadius * 0.5),
      .markers(ink.openEnds, style: SeriesStyle(color: color, marker: .triangle), radius: frame.markerRadius),
    ].filter { !$0.isEmpty }
    result.points = boxes.flatMap(\.plotted)
    result.strays = Strays(nonfinite: ink.nonfinite, notPositive: ink.notPositive, color: color)
    return result
  }
}

extension BoxMark.Box {
  /// Median with quartiles, the whiskers, then every number that has a point of its own.
  fileprivate var plotted: [PlottedPoint] {
    var result: [PlottedPoint] = []
    if median != nil || quartiles != nil {
      result.append(PlottedPoint(x: x, y: median, range: quartiles, part: "quartiles"))
    }
    if let whiskers { result.append(PlottedPoint(x: x, y: nil, range: whiskers, part: "whiskers")) }
    result += outliers.map { PlottedPoint(x: x, y: $0, range: nil, part: "outlier") }
    return result + points.map { PlottedPoint(x: x, y: $0, range: nil, part: "point") }
  }
}

/// The lines and points of boxes, in points of the figure.
private struct BoxInk {
  let frame: Frame
  let width: Double
  var areas: [Rectangle] = []
  var outlines: [[Point]] = []
  var whiskers: [[Point]] = []
  var medians: [[Point]] = []
  var outliers: [Point] = []
  var points: [Point] = []
  var openEnds: [Point] = []
  var nonfinite: [Double] = []
  var notPositive: [Double] = []

  init(frame: Frame, width: Double) {
    self.frame = frame
    self.width = width
  }

  mutating func add(_ box: BoxMark.Box) {
    guard let middle = frame.xPosition(box.x), let left = frame.xPosition(box.x - width / 2),
      let right = frame.xPosition(box.x + width / 2)
    else { return }
    if box.hasNonfinite { nonfinite.append(middle) }
    if box.numbers.contains(where: { !frame.y.isShown($0) }) { notPositive.append(middle) }
    addBox(box, from: left, to: right)
    addWhiskers(box, at: middle, reach: (right - left) / 4)
    if let top = box.median.flatMap(frame.yPosition) {
      medians.append([Point(x: left, y: top), Point(x: right, y: top)])
    }
    addOutliers(box.outliers, at: middle)
    let step = (right - left) / Double(max(1, box.points.count))
    for (index, value) in box.points.enumerated() {
      guard let top = frame.yPosition(value) else { continue }
      points.append(Point(x: left + step * (Double(index) + 0.5), y: top))
    }
  }

  private mutating func addBox(_ box: BoxMark.Box, from left: Double, to right: Double) {
    guard let quartiles = box.quartiles, let low = frame.yPosition(quartiles.lower),
      let high = frame.yPosition(quartiles.upper)
    else { return }
    areas.append(Rectangle(x: left, y: high, width: right - left, height: low - high))
    outlines.append([
      Point(x: left, y: low), Point(x: left, y: high), Point(x: right, y: high), Point(x: right, y: low),
      Point(x: left, y: low),
    ])
  }

  /// From the box, or from the median where there is none, to both ends.
  private mutating func addWhiskers(_ box: BoxMark.Box, at x: Double, reach: Double) {
    guard let ends = box.whiskers, let low = frame.yPosition(ends.lower),
      let high = frame.yPosition(ends.upper),
      let lowStart = (box.quartiles?.lower ?? box.median).flatMap(frame.yPosition),
      let highStart = (box.quartiles?.upper ?? box.median).flatMap(frame.yPosition)
    else { return }
    func cap(_ y: Double) -> [Point] { [Point(x: x - reach, y: y), Point(x: x + reach, y: y)] }
    whiskers += [[Point(x: x, y: lowStart), Point(x: x, y: low)], cap(low)]
    whiskers.append([Point(x: x, y: highStart), Point(x: x, y: high)])
    if box.isOpenAbove { openEnds.append(Point(x: x, y: high)) } else { whiskers.append(cap(high)) }
  }

  /// Points that lie on each other are drawn once.
  private mutating func addOutliers(_ values: [Double], at x: Double) {
    var last = Double.infinity
    for top in values.sorted().compactMap(frame.yPosition) where last - top >= 0.3 {
      outliers.append(Point(x: x, y: top))
      last = top
    }
  }
}

extension Shape {
  /// Whether there is nothing to draw.
  fileprivate var isEmpty: Bool {
    switch self {
    case .polylines(let lines, _): lines.isEmpty
    case .cells(let areas, _): areas.isEmpty
    case .markers(let places, _, _): places.isEmpty
    case .polygon, .rectangle, .text: false
    }
  }
}
