import Architecture
import Charts
import Text

/// One layer: its frame, the stream through it, and the branches beside the stream.
struct WiringColumn {
  let outline: WiringOutline
  let title: String
  private let theme: Theme
  private let boxWidth: Double
  private let leftWidth: Double
  private let streamWidth: Double
  let width: Double
  let height: Double

  init(_ outline: WiringOutline, title: String, _ theme: Theme) {
    self.outline = outline
    self.title = title
    self.theme = theme
    boxWidth = outline.sublayers.flatMap { $0.branches.joined() }.map { theme.boxWidth($0) }.max() ?? 0
    let onStream = outline.sublayers.flatMap { [$0.residualScale, $0.outputNorm].compactMap { $0 } }
    let hasSecond = outline.sublayers.contains { $0.branches.count > 1 }
    let hasInput = outline.sublayers.contains(where: \.addsLayerInput)
    leftWidth = (hasSecond ? boxWidth + Self.gap : 0) + (hasInput ? Self.bypass : 0)
    streamWidth = max(2 * Self.radius + 4, onStream.map { theme.boxWidth($0) }.max() ?? 0)
    let wide = 2 * Self.padding + leftWidth + streamWidth + Self.gap + boxWidth
    width = max(wide, TextMetrics.width(title, size: theme.smallSize) + 2 * Self.padding)
    height =
      outline.sublayers.reduce(Self.foot + theme.smallSize + 4) { $0 + Self.height(of: $1, theme) }
  }

  private static let padding = 6.0
  private static let gap = 10.0
  private static let bypass = 10.0
  private static let radius = 4.5
  /// Below the first branch.
  private static let foot = 6.0
  /// From where a branch leaves to its first box, and from its last to the sum.
  private static let turn = 8.0

  /// Of the stream, from the frame's left edge.
  var streamX: Double { Self.padding + leftWidth + streamWidth / 2 }

  private static func branchHeight(_ sublayer: WiringOutline.Sublayer, _ theme: Theme) -> Double {
    let branches = sublayer.branches.map { theme.stackHeight($0) }.max() ?? 0
    let onStream = sublayer.residualScale.map { theme.stackHeight([$0]) } ?? 0
    return max(branches, onStream) + 2 * turn
  }

  private static func height(of sublayer: WiringOutline.Sublayer, _ theme: Theme) -> Double {
    branchHeight(sublayer, theme) + 2 * radius
      + (sublayer.outputNorm.map { theme.stackHeight([$0]) + turn } ?? 0)
      + turn
  }

  /// - Parameters:
  ///   - x: the frame's left edge.
  ///   - bottom: its lower edge.
  func shapes(x: Double, bottom: Double) -> [Shape] {
    let area = Rectangle(x: x, y: bottom - height, width: width, height: height)
    let stream = x + streamX
    var behind = WiringCell.frame(area, fill: Color(0xF6F6F6), dash: [2, 1.5])
    behind.append(
      .text(
        TextLine(
          title, at: Point(x: area.maxX - Self.padding, y: area.y + theme.smallSize + 2),
          size: theme.smallSize, anchor: .end)))
    behind.append(
      .polylines([[Point(x: stream, y: bottom), Point(x: stream, y: area.y)]], theme.line))
    var (y, shapes) = (bottom - Self.foot, [Shape]())
    for sublayer in outline.sublayers {
      shapes += self.shapes(sublayer, stream: stream, left: x, y: y, bottom: bottom)
      y -= Self.height(of: sublayer, theme)
    }
    return behind + shapes
  }

  private func shapes(
    _ sublayer: WiringOutline.Sublayer, stream: Double, left: Double, y: Double, bottom: Double
  ) -> [Shape] {
    let branchHeight = Self.branchHeight(sublayer, theme)
    let sum = Point(x: stream, y: y - branchHeight - Self.radius)
    var shapes: [Shape] = []
    for (index, branch) in sublayer.branches.enumerated() {
      let side = index == 0 ? 1.0 : -1.0
      let x = stream + side * (streamWidth / 2 + Self.gap + boxWidth / 2)
      let path = [
        Point(x: stream, y: y), Point(x: x, y: y), Point(x: x, y: sum.y),
        Point(x: stream + side * Self.radius, y: sum.y),
      ]
      shapes += [
        .polylines([path], theme.line), theme.arrow(to: path[3], dx: -side, dy: 0),
      ]
      shapes += theme.stack(branch, x: x, bottom: y - Self.turn, width: boxWidth)
    }
    if let scale = sublayer.residualScale {
      let room = (branchHeight - theme.stackHeight([scale])) / 2
      shapes += theme.stack([scale], x: stream, bottom: y - room)
    }
    if sublayer.addsLayerInput {
      let x = left + Self.padding + Self.bypass / 2
      let start = Point(x: stream, y: bottom - Self.foot / 2)
      let end = Point(x: stream - Self.radius, y: sum.y)
      shapes += [
        .polylines([[start, Point(x: x, y: start.y), Point(x: x, y: end.y), end]], theme.line),
        theme.arrow(to: end, dx: 1, dy: 0),
      ]
    }
    shapes += theme.plus(at: sum, radius: Self.radius)
    if let norm = sublayer.outputNorm {
      shapes += theme.stack([norm], x: stream, bottom: sum.y - Self.radius - Self.turn)
    }
    return shapes
  }
}
