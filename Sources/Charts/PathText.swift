/// SVG path data, in whole hundredths of a point so that relative coordinates do not drift.
enum PathText {
  /// A length in hundredths of a point.
  static func rounded(_ points: Double) -> Int {
    // Far outside of any figure, and still an Int.
    Int((max(-1e7, min(1e7, points)) * 100).rounded())
  }

  /// Hundredths as a decimal without needless zeros: `12.5`.
  static func hundredths(_ value: Int) -> String {
    let (whole, rest) = value.magnitude.quotientAndRemainder(dividingBy: 100)
    let sign = value < 0 ? "-" : ""
    if rest == 0 { return "\(sign)\(whole)" }
    if rest % 10 == 0 { return "\(sign)\(whole).\(rest / 10)" }
    return "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
  }

  /// A line through points: absolute to the first, relative from there.
  static func line(_ points: [Point]) -> String {
    guard let first = points.first else { return "" }
    var (x, y) = (rounded(first.x), rounded(first.y))
    var text = "M\(hundredths(x)) \(hundredths(y))"
    if points.count > 1 { text += "l" }
    for (index, point) in points.dropFirst().enumerated() {
      let (nextX, nextY) = (rounded(point.x), rounded(point.y))
      text += pair(nextX - x, nextY - y, isFirst: index == 0)
      (x, y) = (nextX, nextY)
    }
    return text
  }

  /// Two numbers; a minus sign needs no space before it.
  private static func pair(_ x: Int, _ y: Int, isFirst: Bool) -> String {
    (isFirst || x < 0 ? "" : " ") + hundredths(x) + (y < 0 ? "" : " ") + hundredths(y)
  }

  /// The outline of a rectangle.
  static func rectangle(_ area: Rectangle) -> String {
    let (left, top) = (rounded(area.x), rounded(area.y))
    let (width, height) = (hundredths(rounded(area.maxX) - left), hundredths(rounded(area.maxY) - top))
    return "M\(hundredths(left)) \(hundredths(top))h\(width)v\(height)h-\(width)z"
  }

  /// The outline of a marker.
  static func marker(_ marker: SeriesStyle.Marker, at center: Point, radius: Double) -> String {
    func outline(_ offsets: [(Double, Double)]) -> String {
      line(offsets.map { Point(x: center.x + $0.0 * radius, y: center.y + $0.1 * radius) })
    }
    switch marker {
    case .circle:
      let (r, d) = (length(radius), length(2 * radius))
      let start = "M\(length(center.x - radius)) \(length(center.y))"
      return start + "a\(r) \(r) 0 1 0 \(d) 0a\(r) \(r) 0 1 0 -\(d) 0z"
    // Sizes that look equal: a square of the circle's area, triangles a little larger.
    case .square: return outline([(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]) + "z"
    case .triangle: return outline([(0, -1.3), (1.15, 0.8), (-1.15, 0.8)]) + "z"
    case .diamond: return outline([(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)]) + "z"
    case .wedge: return outline([(0, 1.3), (1.15, -0.8), (-1.15, -0.8)]) + "z"
    case .cross: return outline([(-1, -1), (1, 1)]) + outline([(-1, 1), (1, -1)])
    }
  }
}
