import Architecture
import Charts
import Text

/// The picture of one architecture: its title and equation, the head, the layers, the embedding, from top to bottom of the page.
struct WiringCell {
  private let title: String
  private let equation: [String]
  private let columns: [WiringColumn]
  private let before: [WiringOutline.Box]
  private let after: [WiringOutline.Box]
  private let theme: Theme
  let width: Double
  let height: Double

  init(_ subject: WiringDrawing.Subject, _ theme: Theme) {
    let architecture = subject.architecture
    let groups = architecture.outlines(layerCount: subject.layerCount)
    (before, after) = (architecture.embeddingOutline, architecture.headOutline)
    let stem = (before + after).map { theme.boxWidth($0) }.max() ?? 0
    columns = groups.map { group in
      let title =
        groups.count == 1 ? counted(subject.layerCount, "layer") : "layers \(ranges(of: group.layers))"
      return WiringColumn(group.outline, title: title, theme)
    }
    let frames = columns.reduce(theme.gap * Double(max(0, columns.count - 1))) { $0 + $1.width }
    // The embedding and the head stand on the first column's stream.
    let shift = max(0, stem / 2 - (columns.first?.streamX ?? 0))
    title = architecture.displayTitle
    let titleWidth = TextMetrics.width(title, size: theme.titleSize, isBold: true)
    let width = max(frames + shift, stem, titleWidth, 120)
    equation = TextMetrics.lines(architecture.equation, width: width, size: theme.smallSize)
    self.width = width
    self.theme = theme
    height =
      Self.headingHeight(equation.count, theme) + theme.stackHeight(after) + theme.stackHeight(before)
      + 2 * Self.reach + (columns.map(\.height).max() ?? 0)
  }

  /// Between a frame and what stands outside.
  private static let reach = 8.0

  private static func headingHeight(_ lines: Int, _ theme: Theme) -> Double {
    theme.titleSize + 3 + Double(lines) * theme.pitch(theme.smallSize) + 4
  }

  var kinds: [WiringOutline.Box.Kind] {
    (before + after + columns.flatMap { $0.outline.boxes }).map(\.kind)
  }

  /// The picture in a sentence, for those who cannot see it.
  var words: String {
    let layers = columns.map { column in
      "\(column.title): " + column.outline.sublayers.map(Self.words).joined(separator: "; ")
    }
    return "\(title): \(layers.joined(separator: ". "))."
  }

  private static func words(_ sublayer: WiringOutline.Sublayer) -> String {
    let branches = sublayer.branches.map { $0.map(\.title).joined(separator: ", ") }
    var words = branches.joined(separator: " beside ") + ", added to the stream"
    if let scale = sublayer.residualScale { words += " \(scale.title)" }
    if sublayer.addsLayerInput { words += " and to the layer's input" }
    if let norm = sublayer.outputNorm { words += ", then \(norm.title)" }
    return words
  }

  /// - Parameter height: of the row; the embeddings of all cells stand on one line.
  func shapes(x: Double, y: Double, height: Double) -> [Shape] {
    var lines: [Shape] = [
      .text(TextLine(title, at: Point(x: x, y: y + theme.titleSize), size: theme.titleSize, isBold: true))
    ]
    lines += equation.enumerated().map { index, line in
      .text(
        TextLine(
          line,
          at: Point(
            x: x, y: y + theme.titleSize + 3 + Double(index + 1) * theme.pitch(theme.smallSize) - 1),
          size: theme.smallSize))
    }
    guard let first = columns.first else { return lines }
    let stem = (before + after).map { theme.boxWidth($0) }.max() ?? 0
    let start = x + max(0, stem / 2 - first.streamX)
    let stream = start + first.streamX
    var bottom = y + height
    var shapes = theme.stack(before, x: stream, bottom: bottom)
    bottom -= theme.stackHeight(before)
    let frameBottom = bottom - Self.reach
    shapes.append(.polylines([[Point(x: stream, y: bottom), Point(x: stream, y: frameBottom)]], theme.line))
    var left = start
    for column in columns {
      shapes += column.shapes(x: left, bottom: frameBottom)
      left += column.width + theme.gap
    }
    let top = frameBottom - first.height
    shapes += [.polylines([[Point(x: stream, y: top), Point(x: stream, y: top - Self.reach)]], theme.line)]
    shapes += theme.stack(after, x: stream, bottom: top - Self.reach)
    return lines + shapes
  }

  /// A filled rectangle with an edge.
  static func frame(_ area: Rectangle, fill: Color, dash: [Double] = []) -> [Shape] {
    let corners = [
      Point(x: area.x, y: area.y), Point(x: area.maxX, y: area.y), Point(x: area.maxX, y: area.maxY),
      Point(x: area.x, y: area.maxY), Point(x: area.x, y: area.y),
    ]
    let stroke = Stroke(color: Color(0x555555), width: 0.5, dash: dash)
    return [.rectangle(area, fill: fill), .polylines([corners], stroke)]
  }
}

extension WiringOutline {
  /// All boxes.
  var boxes: [Box] {
    sublayers.flatMap { $0.branches.flatMap { $0 } + [$0.residualScale, $0.outputNorm].compactMap { $0 } }
  }
}

/// `0-4, 6-10, 11`.
private func ranges(of layers: [Int]) -> String {
  var runs: [ClosedRange<Int>] = []
  for layer in layers {
    if let last = runs.last, last.upperBound + 1 == layer {
      runs[runs.count - 1] = last.lowerBound...layer
    } else {
      runs.append(layer...layer)
    }
  }
  return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    .joined(separator: ", ")
}
