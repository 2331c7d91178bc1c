import Foundation
import SnapshotSupport
import Testing

@testable import Charts

@Suite struct LayoutTests {
  private func figure(
    _ kind: Scale.Kind, from lower: Double, to upper: Double, panels: Int, width: Figure.Width = .page
  ) -> Figure {
    let styles = SeriesStyle.ordered(3)
    let marks: [any Mark] = styles.indices.map { index in
      LineMark(
        "a series with a name \(index)", x: [0, 50, 12_000], y: [lower, upper, lower], style: styles[index],
        markerCount: 3)
    }
    let panel = Panel(
      title: "An architecture with a long name, learning_rate 0.001",
      subtitle: "early/late 0.24 [0.21, 0.28]",
      xTitle: "step", yTitle: "L1 norm of the gradient", yKind: kind, marks: marks)
    let row = Array(repeating: panel, count: panels)
    return Figure(
      width: width, rows: [row, [panel]], legendTitle: "layer",
      extraLegend: [LegendEntry("one more entry of the legend", style: .box(.black))],
      notes: [
        "A note long enough that a figure of one column has to break it into two lines, so that nothing is lost."
      ],
      metadata: Metadata(title: "layout"))
  }

  @Test(arguments: [(1e-12, 3e5), (0.13, 4.0), (1.0001, 1.0002), (100, 90_000), (0.4, 9.9)])
  func wordsNeitherTouchNorLeaveThePage(lower: Double, upper: Double) {
    for (panels, width) in [(3, Figure.Width.page), (2, .page), (1, .column), (2, .column)] {
      for kind in [Scale.Kind.log10, .linear] {
        let check = SVGCheck(figure(kind, from: lower, to: upper, panels: panels, width: width).svg)
        #expect(check.texts.count > 20)
        #expect(check.problems.isEmpty, "\(panels) panels, \(kind)")
      }
    }
  }

  @Test func longNamesAreBrokenNotCut() {
    let name = "decoder.layers.self_attn_layer_norm.weight of a checkpoint with a very long name indeed"
    let marks: [any Mark] = [
      PointsMark(name, x: [0, 1], y: [0, 1], style: SeriesStyle(color: .black)),
      ReferenceMark("a level with a name that is longer than a column of a journal is wide", at: 0.5),
    ]
    let panel = Panel(
      title: name, subtitle: name, xTitle: name, yTitle: name, xKind: .log10,
      yCategories: [name, "short"], marks: marks)
    for width in [Figure.Width.column, .page] {
      for panels in [1, 2] {
        let figure = Figure(
          width: width, rows: [Array(repeating: panel, count: panels), [panel]], sharesY: false,
          panelHeight: 20, colorBar: ColorBar(name, colors: .ratios(Extent(lower: 0.01, upper: 3))),
          legendTitle: "layer", notes: [name], metadata: Metadata(title: "long"))
        let check = SVGCheck(figure.svg)
        #expect(check.problems.isEmpty, "\(width), \(panels) panels")
        let words = check.words.joined().filter { $0 != " " }
        // Five a panel, and colour bar, legend and note, all of them in whole and in reading order.
        let found = words.components(separatedBy: name.filter { $0 != " " }).count - 1
        #expect(found == 5 * (panels + 1) + 3)
      }
    }
  }

  @Test func labelsBeyondAFrameMakeRoom() {
    let line = LineMark("l", x: [0, 1_000_000], y: [1, 2], style: SeriesStyle(color: .black))
    let panel = Panel(title: "", xTitle: "tokens", yTitle: "", marks: [line])
    for sharesY in [true, false] {
      let row = [panel, panel, panel]
      let figure = Figure(width: .column, rows: [row], sharesY: sharesY, metadata: Metadata(title: ""))
      #expect(SVGCheck(figure.svg).problems.isEmpty)
    }
  }

  @Test func legendsAndNotesLieBelowThePanels() {
    let layout = figure(.log10, from: 1, to: 100, panels: 3).layout()
    let bottom = layout.panels.map(\.frame.area.maxY).max() ?? 0
    #expect(layout.legend.allSatisfy { $0.position.y - 7 > bottom })
    #expect(layout.notes.allSatisfy { $0.position.y - 6 > bottom })
  }

  @Test func panelsShareTheVerticalAxis() {
    let low = Panel(title: "a", xTitle: "", yTitle: "", marks: [ReferenceMark("one", at: 1)])
    let high = Panel(title: "b", xTitle: "", yTitle: "", marks: [ReferenceMark("nine", at: 9)])
    let shared = Figure(width: .page, rows: [[low, high]], metadata: Metadata(title: "")).layout()
    #expect(shared.panels[0].frame.y == shared.panels[1].frame.y)
    #expect(shared.panels[0].frame.area.width == shared.panels[1].frame.area.width)
    let own = Figure(width: .page, rows: [[low, high]], sharesY: false, metadata: Metadata(title: ""))
      .layout()
    #expect(own.panels[0].frame.y != own.panels[1].frame.y)
  }

  @Test func panelsShareTheHorizontalAxisUnlessToldOtherwise() {
    let panels = [10.0, 20].map { end in
      let line = LineMark("l", x: [0, end], y: [1, 2], style: SeriesStyle(color: .black))
      return Panel(title: "", xTitle: "", yTitle: "", marks: [line])
    }
    let shared = Figure(width: .page, rows: [panels], metadata: Metadata(title: "")).layout()
    #expect(shared.panels[0].frame.x == shared.panels[1].frame.x)
    let own = Figure(width: .page, rows: [panels], sharesX: false, metadata: Metadata(title: "")).layout()
    #expect(own.panels[0].frame.x != own.panels[1].frame.x)
  }

  @Test func straysOfSeveralSeriesAreBlack() {
    let colors = [Color(0x0072B2), Color(0xD55E00)]
    let marks = zip(colors, [[1, .nan, .nan], [2, 2, .nan]] as [[Double]]).map {
      LineMark("l", x: [0, 1, 2], y: $1, style: SeriesStyle(color: $0))
    }
    let panel = Panel(title: "", xTitle: "", yTitle: "", marks: marks)
    let drawing = Figure(width: .column, rows: [[panel]], metadata: Metadata(title: "")).layout().drawing()
    let crosses = drawing.shapes.compactMap { shape -> (Color, Int)? in
      guard case .markers(let points, let style, _) = shape, style.marker == .cross else { return nil }
      return (style.color, points.count)
    }
    // The last one is the legend's.
    #expect(crosses.map(\.0) == [.black, colors[0], .black] && crosses.map(\.1) == [1, 1, 1])
  }

  @Test func inkStaysInsideTheFrame() {
    let layout = figure(.log10, from: 1e-3, to: 1e3, panels: 2).layout()
    for placed in layout.panels {
      let area = placed.frame.area
      for case .polylines(let lines, _) in placed.marks.flatMap(\.drawn.shapes) {
        for point in lines.joined() {
          #expect(point.x >= area.x && point.x <= area.maxX && point.y >= area.y && point.y <= area.maxY)
        }
      }
    }
  }
}
