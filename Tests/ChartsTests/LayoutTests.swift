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

  /// The rectangle that a line of text takes: 0.75 of its size above the base line and 0.22 below.
  private func box(_ line: TextLine) -> Rectangle {
    let width =
      TextMetrics.width(line.text, size: line.size, isBold: line.isBold)
      + TextMetrics.width(line.exponent ?? "", size: line.size * exponentShare)
    let shift = line.anchor == .start ? 0 : (line.anchor == .middle ? width / 2 : width)
    let (above, below) = (0.75 * line.size, 0.22 * line.size)
    return line.isVertical
      ? Rectangle(
        x: line.position.x - above, y: line.position.y - width + shift, width: above + below, height: width)
      : Rectangle(x: line.position.x - shift, y: line.position.y - above, width: width, height: above + below)
  }

  private func overlaps(_ one: Rectangle, _ other: Rectangle) -> Bool {
    one.x < other.maxX && other.x < one.maxX && one.y < other.maxY && other.y < one.maxY
  }

  @Test(arguments: [(1e-12, 3e5), (0.13, 4.0), (1.0001, 1.0002), (100, 90_000)])
  func wordsNeitherTouchNorLeaveThePage(lower: Double, upper: Double) {
    for (panels, width) in [(3, Figure.Width.page), (2, .page), (1, .column), (2, .column)] {
      for kind in [Scale.Kind.log10, .linear] {
        let drawing = figure(kind, from: lower, to: upper, panels: panels, width: width).layout().drawing()
        let lines = drawing.shapes.compactMap { if case .text(let line) = $0 { line } else { nil } }
        #expect(lines.count > 20)
        for (index, line) in lines.enumerated() {
          let area = box(line)
          #expect(
            area.x >= 0 && area.maxX <= drawing.width && area.y >= 0 && area.maxY <= drawing.height,
            "\(line.text)")
          for other in lines[(index + 1)...] {
            #expect(!overlaps(area, box(other)), "\(line.text) | \(other.text), \(panels) panels, \(kind)")
          }
        }
      }
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
