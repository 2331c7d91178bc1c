/// Cells of a grid, each in the colour of its number: a heat map.
///
/// Cells have height 1 and are centred on whole numbers of the vertical axis; so they have and are on the horizontal one, unless
/// columns are told to begin elsewhere and to be wider. Numbers without a place on the colour scale are
/// left white: other marks say what they are.
public struct CellsMark: Mark {
  /// One cell.
  public struct Cell: Equatable, Sendable {
    /// Its place on the horizontal axis.
    public var column: Int
    /// Its place on the vertical axis.
    public var row: Int
    /// The number.
    public var value: Double

    /// Creates a cell.
    public init(column: Int, row: Int, value: Double) {
      self.column = column
      self.row = row
      self.value = value
    }
  }

  /// What the numbers are.
  public var name: String
  /// The cells.
  public var cells: [Cell]
  /// Their colours.
  public var colors: ColorScale
  /// Where column 0 begins on the horizontal axis.
  public var columnStart: Double
  /// The width of a column there.
  public var columnWidth: Double

  /// Creates cells.
  public init(
    _ name: String, cells: [Cell], colors: ColorScale, columnStart: Double = -0.5, columnWidth: Double = 1
  ) {
    self.columnStart = columnStart
    self.columnWidth = columnWidth
    self.name = name
    self.cells = cells
    self.colors = colors
  }

  /// None: no print is too small for a cell.
  public var pointCount: Int { 0 }

  /// None: the figure's colour bar explains it.
  public var legendStyle: LegendStyle? { nil }

  /// From the left edge of the first column to the right edge of the last one.
  public func xExtent(_ scale: Scale.Kind) -> Extent? {
    Extent(of: cells.map { Double($0.column) }).map {
      Extent(lower: edge($0.lower), upper: edge($0.upper + 1))
    }
  }

  /// From the lower edge of the first row to the upper edge of the last one.
  public func yExtent(_ scale: Scale.Kind) -> Extent? {
    Extent(of: cells.map { Double($0.row) }).map { Extent(lower: $0.lower - 0.5, upper: $0.upper + 0.5) }
  }

  /// Where a column begins on the horizontal axis.
  private func edge(_ column: Double) -> Double { columnStart + column * columnWidth }

  /// One path a colour; the CSV has the column's middle, row and number (as `low` and `high`).
  public func drawn(in frame: Frame) -> DrawnMark {
    var result = DrawnMark.empty
    var byColor: [UInt32: [Rectangle]] = [:]
    for cell in cells {
      let range = Extent(lower: cell.value, upper: cell.value)
      let center = edge(Double(cell.column) + 0.5)
      result.points.append(PlottedPoint(x: center, y: Double(cell.row), range: range))
      guard let color = colors.color(cell.value), let area = area(of: cell, in: frame) else { continue }
      byColor[color.rgb, default: []].append(area)
    }
    result.shapes = byColor.sorted { $0.key < $1.key }.map { .cells($0.value, fill: Color($0.key)) }
    return result
  }

  /// A cell's place, with a hair of white around it.
  private func area(of cell: Cell, in frame: Frame) -> Rectangle? {
    guard let left = frame.xPosition(edge(Double(cell.column))),
      let right = frame.xPosition(edge(Double(cell.column + 1))),
      let bottom = frame.yPosition(Double(cell.row) - 0.5), let top = frame.yPosition(Double(cell.row) + 0.5)
    else { return nil }
    let hair = min(0.2, (right - left) / 8)
    return Rectangle(
      x: left + hair, y: top + hair, width: right - left - 2 * hair, height: bottom - top - 2 * hair)
  }
}
