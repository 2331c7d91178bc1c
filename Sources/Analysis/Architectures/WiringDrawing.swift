import Architecture
import Charts
import Text

/// Pictures of wirings: the residual stream goes up, each sublayer's branch leaves it, passes its boxes, and comes back at a sum.
public struct WiringDrawing: Sendable {
  /// An architecture, and the layers for which its exceptions are worked out.
  public struct Subject: Sendable {
    /// What is drawn.
    public let architecture: ArchitectureDescription
    /// Layers of the model.
    public let layerCount: Int

    /// Creates a subject.
    public init(_ architecture: ArchitectureDescription, layerCount: Int) {
      self.architecture = architecture
      self.layerCount = layerCount
    }
  }

  private let cells: [WiringCell]
  private let metadata: Metadata
  private let theme = Theme()

  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public init(_ subjects: [Subject], program: String, command: String) {
    let theme = theme
    cells = subjects.map { WiringCell($0, theme) }
    let titles = subjects.map { $0.architecture.displayTitle }
    metadata = Metadata(
      title: "Wiring of \(listed(titles))",
      description:
        "For each architecture the embedding, one layer of each kind and the head, from bottom to top: boxes along the residual"
        + " stream and its branches. " + cells.map(\.words).joined(separator: " "),
      program: program, command: command,
      facts: subjects.map { ("equation of \($0.architecture.displayTitle)", $0.architecture.equation) })
  }

  private static let margin = 4.0

  /// The picture: cells side by side as far as a page is wide, the others below.
  public var drawing: Drawing {
    let page = Double(Figure.Width.page.rawValue) * 72 / 25.4
    var rows: [[WiringCell]] = []
    var used = 0.0
    for cell in cells {
      if let last = rows.indices.last, used + theme.gap + cell.width <= page - 2 * Self.margin {
        rows[last].append(cell)
        used += theme.gap + cell.width
      } else {
        rows.append([cell])
        used = cell.width
      }
    }
    let widths = rows.map { row in row.reduce(theme.gap * Double(row.count - 1)) { $0 + $1.width } }
    let legend = WiringLegend(kinds: cells.flatMap(\.kinds), theme: theme)
    let width = max(widths.max() ?? 0, legend.width) + 2 * Self.margin
    var shapes: [Shape] = []
    var y = Self.margin
    for row in rows {
      let height = row.map(\.height).max() ?? 0
      var x = Self.margin
      for cell in row {
        shapes += cell.shapes(x: x, y: y, height: height)
        x += cell.width + theme.gap
      }
      y += height + theme.gap
    }
    shapes += legend.shapes(x: Self.margin, y: y)
    let height = y + legend.height + Self.margin
    let background = Rectangle(x: 0, y: 0, width: width, height: height)
    return Drawing(
      widthInMillimetres: width / 72 * 25.4, height: height, fontFamily: theme.fontFamily, metadata: metadata,
      shapes: [.rectangle(background, fill: .white)] + shapes)
  }
}

extension ArchitectureDescription {
  /// The paper's name, or the file's.
  var displayTitle: String { title.isEmpty ? name : title }
}

/// What the colours mean.
struct WiringLegend {
  let kinds: [WiringOutline.Box.Kind]
  let theme: Theme

  init(kinds: [WiringOutline.Box.Kind], theme: Theme) {
    self.kinds = WiringOutline.Box.Kind.allCases.filter(kinds.contains)
    self.theme = theme
  }

  private static let square = 7.0
  var height: Double { Self.square + 2 }

  private func advance(_ kind: WiringOutline.Box.Kind) -> Double {
    Self.square + 3 + TextMetrics.width(kind.rawValue, size: theme.smallSize) + 8
  }

  var width: Double { kinds.reduce(0) { $0 + advance($1) } }

  func shapes(x: Double, y: Double) -> [Shape] {
    var x = x
    return kinds.flatMap { kind -> [Shape] in
      defer { x += advance(kind) }
      let area = Rectangle(x: x, y: y, width: Self.square, height: Self.square)
      let label = TextLine(
        kind.rawValue, at: Point(x: area.maxX + 3, y: area.maxY - 1), size: theme.smallSize)
      return WiringCell.frame(area, fill: kind.color) + [.text(label)]
    }
  }
}

extension WiringOutline.Box.Kind {
  /// Light enough for black words.
  var color: Color {
    switch self {
    case .norm: Color(0x56B4E9).lightened(by: 0.5)
    case .projection: Color(0xE69F00).lightened(by: 0.6)
    case .function: Color(0xF0E442).lightened(by: 0.6)
    case .scale: Color(0x009E73).lightened(by: 0.5)
    case .constant: .white
    }
  }
}
