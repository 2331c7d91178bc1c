import RealModule
import SnapshotSupport
import Testing

@testable import Charts

@Suite struct HeatMapTests {
  private let colors = ColorScale(Scale(.log10, from: 0.001, to: 1))

  @Test func lightnessFallsEvenly() {
    // CIE lightness of neighbours: all steps have one sign, and none is more than 1.6 times the mean.
    let lightness = colors.levels.map(lightness)
    let steps = zip(lightness, lightness.dropFirst()).map { $0 - $1 }
    let mean = (lightness[0] - lightness[lightness.count - 1]) / Double(steps.count)
    #expect(steps.allSatisfy { $0 > 0 && $0 < 1.6 * mean }, "\(steps)")
    #expect(lightness[0] > 90 && lightness[lightness.count - 1] < 20)
  }

  private func lightness(_ color: Color) -> Double {
    let luminance = color.luminance
    return luminance > 0.008856 ? 116 * cubeRoot(luminance) - 16 : 903.3 * luminance
  }

  @Test func ratiosHaveTheirMiddleAtOne() throws {
    let colors = ColorScale.ratios(Extent(lower: 0.2, upper: 1.5))
    let middle = try #require(colors.color(1))
    #expect(middle.channels.allSatisfy { $0 > 240 } && Set(middle.channels).count == 1)
    #expect(colors.color(0.2) == colors.levels.first && colors.color(5) == colors.levels.last)
    for ratio in [1.2, 2, 3, 5] {
      let (above, below) = try (#require(colors.color(ratio)), #require(colors.color(1 / ratio)))
      // Red above, blue below, and in greyscale the same distance from the middle.
      #expect(above.channels[0] > above.channels[2] && below.channels[2] > below.channels[0])
      #expect(abs(lightness(above) - lightness(below)) < 3, "\(ratio)")
    }
    let upper = colors.levels.suffix(33).map(lightness)
    #expect(zip(upper, upper.dropFirst()).allSatisfy { $0 > $1 } && upper[32] < 50)
  }

  @Test func ratiosThatHardlyDifferHardlyDifferInColor() throws {
    for extent in [nil, Extent(lower: 1, upper: 1), Extent(lower: 0.999, upper: 1.001)] {
      let colors = ColorScale.ratios(extent)
      #expect(try #require(colors.color(1.001)).channels.allSatisfy { $0 > 235 })
      #expect(colors.color(1.2) == colors.color(1.1))
    }
    let extremes = ColorScale.ratios(Extent(lower: 2.3e-308, upper: 1e300))
    #expect(extremes.color(1) == ColorScale.ratios(nil).color(1))
  }

  private func cubeRoot(_ x: Double) -> Double { Double.pow(10, Double.log10(x) / 3) }

  @Test func numbersBeyondTheEndsHaveTheEndsColors() {
    #expect(colors.color(1e-9) == colors.color(0.001) && colors.color(50) == colors.color(1))
    #expect(colors.color(0) == nil && colors.color(.nan) == nil)
  }

  @Test func cellsOfOneColorAreOneShape() {
    let frame = Frame(
      area: Rectangle(x: 0, y: 0, width: 30, height: 20), x: Scale(.linear, from: -0.5, to: 2.5),
      y: Scale(.linear, from: -0.5, to: 1.5), columnWidth: 0.5, markerRadius: 1)
    let mark = CellsMark(
      "c",
      cells: [(0, 0, 0.5), (2, 1, 0.5), (1, 1, 0.001), (1, 0, .nan)].map {
        CellsMark.Cell(column: $0.0, row: $0.1, value: $0.2)
      }, colors: colors)
    let drawn = mark.drawn(in: frame)
    #expect(drawn.shapes.count == 2 && drawn.points.count == 4)
    let first = drawn.shapes.compactMap { shape -> [Rectangle]? in
      if case .cells(let areas, _) = shape { areas.count == 2 ? areas : nil } else { nil }
    }
    // Row 0 is at the bottom.
    #expect(first.first?.map(\.x) == [0.2, 20.2] && first.first?.map(\.y) == [10.2, 0.2])
    #expect(mark.xExtent(.linear) == Extent(lower: -0.5, upper: 2.5))
  }

  @Test func categoriesAreNamedOnTheAxisAndInTheCSV() {
    let mark = PointsMark("p", x: [0, 1], y: [0, 1], style: SeriesStyle(color: .black))
    let panel = Panel(
      title: "t", xTitle: "x", yTitle: "", yCategories: ["low", "high, higher"], marks: [mark])
    let figure = Figure(
      width: .column, rows: [[panel]], sharesY: false, colorBar: ColorBar("bar", colors: colors),
      metadata: Metadata(title: "t"))
    #expect(figure.csv == "panel,series,x,y,low,high\nt,p,0,low,,\nt,p,1,\"high, higher\",,\n")
    for word in ["low", "high, higher", "bar", "0.01", "0.1"] {
      #expect(figure.svg.contains(">\(word)</text>"), "\(word)")
    }
  }

  @Test(arguments: [Figure.Width.column, .page])
  func wordsOfTheColorBarDoNotMeet(width: Figure.Width) {
    let cells = CellsMark("c", cells: [CellsMark.Cell(column: 0, row: 0, value: 0.5)], colors: colors)
    let panel = Panel(
      title: "", xTitle: "layer", yTitle: "", yCategories: ["self_attn_layer_norm.weight"], marks: [cells])
    for scale in [Scale(.log10, from: 0.0049, to: 0.0205), Scale(.log10, from: 0.13, to: 7.7)] {
      let figure = Figure(
        width: width, rows: [[panel]], sharesY: false, panelHeight: 9,
        colorBar: ColorBar("ratio of the mean L1 norm of the gradient", colors: ColorScale(scale)),
        metadata: Metadata(title: ""))
      let check = SVGCheck(figure.svg)
      #expect(check.problems.isEmpty)
      #expect(check.words.count >= 7)
    }
  }

  @Test func segmentsNeedBothEnds() {
    let frame = Frame(
      area: Rectangle(x: 0, y: 0, width: 10, height: 10), x: Scale(.linear, from: 0, to: 1),
      y: Scale(.linear, from: 0, to: 1), columnWidth: 0.5, markerRadius: 1)
    let mark = SegmentsMark(
      "s", at: [0, 1], from: [0, .nan], to: [1, 1], stroke: Stroke(color: .black, width: 1))
    #expect(
      mark.drawn(in: frame).shapes == [
        .polylines([[Point(x: 0, y: 10), Point(x: 0, y: 0)]], Stroke(color: .black, width: 1))
      ])
    #expect(mark.yExtent(.linear) == Extent(lower: 0, upper: 1))
    let level = SegmentsMark(
      "s", at: [0.5], from: [0], to: [1], stroke: Stroke(color: .black, width: 1), isHorizontal: true)
    #expect(
      level.drawn(in: frame).shapes == [
        .polylines([[Point(x: 0, y: 5), Point(x: 10, y: 5)]], Stroke(color: .black, width: 1))
      ])
    #expect(level.xExtent(.linear) == Extent(lower: 0, upper: 1))
  }
}
