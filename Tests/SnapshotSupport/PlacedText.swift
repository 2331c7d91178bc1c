import Charts

/// A line of text of an SVG figure, and the room that it takes in the widest font it may be shown in.
public struct PlacedText: Sendable {
  /// The words, an exponent among them.
  public private(set) var words = ""
  private let x, y: Double
  private let anchor: String
  private let isBold, isVertical: Bool
  private let lineSize: Double
  private var size: Double
  private var hasExponent = false
  private var width = 0.0

  /// A `<text>` with these attributes, still without words.
  init(_ attributes: [String: String]) {
    func number(_ name: String) -> Double { attributes[name].flatMap(Double.init) ?? .nan }
    (x, y, lineSize) = (number("x"), number("y"), number("font-size"))
    size = lineSize
    anchor = attributes["text-anchor"] ?? "start"
    isBold = attributes["font-weight"] == "bold"
    isVertical = attributes["transform"] != nil
  }

  /// Adds words in the current size, which is `exponentSize` for the next ones.
  mutating func add(_ text: String, exponentSize: String? = nil) {
    words += text
    width += TextMetrics.width(text, size: size, isBold: isBold)
    guard let next = exponentSize.flatMap(Double.init) else { return }
    size = next
    hasExponent = true
  }

  /// Its place: as high as the highest font of the list.
  public var box: Rectangle {
    let shift = anchor == "start" ? 0 : anchor == "middle" ? width / 2 : width
    // Raised by 0.4 of the line's size.
    let above = max(
      TextMetrics.ascent * lineSize, hasExponent ? 0.4 * lineSize + TextMetrics.ascent * size : 0)
    let height = above + TextMetrics.descent * lineSize
    return isVertical
      ? Rectangle(x: x - above, y: y - width + shift, width: height, height: width)
      : Rectangle(x: x - shift, y: y - above, width: width, height: height)
  }

  /// Texts that leave the picture, and pairs whose boxes meet.
  static func problems(of texts: [PlacedText], width: Double, height: Double) -> [String] {
    // What rounding to hundredths of a point makes of boxes that touch.
    let tolerance = 0.02
    let boxes = texts.map(\.box)
    var problems: [String] = []
    for (index, box) in boxes.enumerated() {
      let words = texts[index].words
      if !(box.x >= 0 && box.y >= 0 && box.maxX <= width && box.maxY <= height) {
        problems.append("beyond the border: \(words)")
      }
      for other in boxes.indices.dropFirst(index + 1) {
        let isApart =
          min(box.maxX, boxes[other].maxX) - max(box.x, boxes[other].x) < tolerance
          || min(box.maxY, boxes[other].maxY) - max(box.y, boxes[other].y) < tolerance
        if !isApart { problems.append("meet: \(words) | \(texts[other].words)") }
      }
    }
    return problems
  }
}
