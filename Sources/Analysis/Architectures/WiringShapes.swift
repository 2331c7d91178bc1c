import Architecture
import Charts

// Boxes, arrows and sums.

extension Theme {
  /// Of streams and branches.
  var line: Stroke { Stroke(color: .black, width: 0.7) }

  private var boxGap: Double { 6 }
  private var boxPadding: Double { 4 }

  private func boxHeight(_ box: WiringOutline.Box) -> Double {
    let words = pitch(labelSize) + (box.name.isEmpty ? 0 : pitch(smallSize))
    return words + 3
  }

  /// The room that a box's words need.
  func boxWidth(_ box: WiringOutline.Box) -> Double {
    max(
      TextMetrics.width(box.title, size: labelSize), TextMetrics.width(box.name, size: smallSize), 40)
      + 2 * boxPadding
  }

  /// Of boxes on each other, gaps between them included.
  func stackHeight(_ boxes: [WiringOutline.Box]) -> Double {
    boxes.reduce(boxGap * Double(max(0, boxes.count - 1))) { $0 + boxHeight($1) }
  }

  /// Boxes on each other with the line through them, the first lowest, all as wide as the widest needs, or as `width`.
  func stack(_ boxes: [WiringOutline.Box], x: Double, bottom: Double, width: Double = 0) -> [Shape] {
    let width = max(width, boxes.map { boxWidth($0) }.max() ?? 0)
    var y = bottom
    var shapes: [Shape] = []
    for (index, box) in boxes.enumerated() {
      if index > 0 {
        shapes.append(.polylines([[Point(x: x, y: y + boxGap), Point(x: x, y: y)]], line))
        shapes.append(arrow(to: Point(x: x, y: y), dx: 0, dy: -1))
      }
      let height = boxHeight(box)
      let area = Rectangle(x: x - width / 2, y: y - height, width: width, height: height)
      shapes += WiringCell.frame(area, fill: box.kind.color)
      shapes.append(
        .text(
          TextLine(
            box.title, at: Point(x: x, y: area.y + 1.5 + labelSize * 0.95), size: labelSize, anchor: .middle))
      )
      if !box.name.isEmpty {
        shapes.append(
          .text(
            TextLine(
              box.name, at: Point(x: x, y: area.maxY - 1.5 - smallSize * 0.25), size: smallSize,
              anchor: .middle)))
      }
      y -= height + boxGap
    }
    return shapes
  }

  /// A filled point of an arrow that goes in one of the four directions.
  func arrow(to end: Point, dx: Double, dy: Double) -> Shape {
    let (length, half) = (3.2, 1.5)
    let back = Point(x: end.x - dx * length, y: end.y - dy * length)
    return .polygon(
      [
        end, Point(x: back.x + dy * half, y: back.y + dx * half),
        Point(x: back.x - dy * half, y: back.y - dx * half),
      ], fill: .black, opacity: 1)
  }

  /// A sum: a circle with a plus.
  func plus(at center: Point, radius: Double) -> [Shape] {
    let style = SeriesStyle(color: .black, marker: .circle, isHollow: true)
    let arm = radius * 0.6
    return [
      .markers([center], style: style, radius: radius),
      .polylines(
        [
          [Point(x: center.x - arm, y: center.y), Point(x: center.x + arm, y: center.y)],
          [Point(x: center.x, y: center.y - arm), Point(x: center.x, y: center.y + arm)],
        ], line),
    ]
  }
}
