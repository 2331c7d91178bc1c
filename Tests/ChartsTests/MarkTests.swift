import Testing

@testable import Charts

@Suite struct MarkTests {
  private let frame = Frame(
    area: Rectangle(x: 10, y: 20, width: 100, height: 50), x: Scale(.linear, from: 0, to: 10),
    y: Scale(.log10, from: 1, to: 100), columnWidth: 0.5, markerRadius: 1.5)

  @Test func linesBreakAtGapsAndAtNumbersWithoutAPlace() {
    let line = LineMark(
      "l", x: [0, 1, 2, 3, 4, 5, 6, 7], y: [1, 10, .nan, 10, 0, .infinity, 100, 100],
      stretches: [0..<7, 7..<8], style: SeriesStyle(color: .black))
    let drawn = line.drawn(in: frame)
    #expect(
      drawn.shapes.first
        == .polylines(
          [[Point(x: 10, y: 70), Point(x: 20, y: 45)]], Stroke(color: .black, width: 1)))
    // Points that stand alone are dots.
    let dots = [Point(x: 40, y: 45), Point(x: 70, y: 20), Point(x: 80, y: 20)]
    guard case .markers(let places, _, _) = drawn.shapes[1] else {
      Issue.record("no dots")
      return
    }
    #expect(places == dots)
    #expect(drawn.strays.nonfinite == [30, 60] && drawn.strays.notPositive == [50])
    #expect(drawn.points.map(\.x) == [0, 1, 2, 3, 4, 5, 6, 7])
    #expect(drawn.points[4].y == 0 && drawn.points[5].y == .infinity)
  }

  @Test func markersLieOnPointsOfTheLine() {
    let x = (0...1000).map { Double($0) / 100 }
    let line = LineMark(
      "l", x: x, y: x.map { $0 + 1 }, style: SeriesStyle(color: .black), markerCount: 4, markerPhase: 0.5)
    guard case .markers(let places, _, _) = line.drawn(in: frame).shapes.last else {
      Issue.record("no markers")
      return
    }
    #expect(places.map(\.x) == [22.5, 47.5, 72.5, 97.5])
  }

  @Test func everyPointOfAShortLineHasItsMarker() {
    let style = SeriesStyle(color: .black)
    let line = LineMark("l", x: [0, 1, 1.5, 10], y: [1, 2, 3, 4], style: style, markerCount: 4)
    guard case .markers(let places, _, _) = line.drawn(in: frame).shapes.last else {
      Issue.record("no markers")
      return
    }
    #expect(places.map(\.x) == [10, 20, 25, 110])
  }

  @Test func shadesAreCutOffAtTheFrame() {
    let drawn = ShadeMark("s", from: 8, to: 99).drawn(in: frame)
    let area = Rectangle(x: 90, y: 20, width: 20, height: 50)
    #expect(drawn.shapes == [.rectangle(area, fill: Color(0xEEEEEE))])
    #expect(ShadeMark("s", from: 20, to: 30).drawn(in: frame) == .empty)
  }

  @Test func bandsBreakWhereAnEdgeHasNoPlace() {
    let band = BandMark(
      "b", x: [0, 1, 2, 3, 4], lower: [1, 1, 0, 1, 1], upper: [10, 10, 10, 10, 10], color: .black)
    #expect(band.drawn(in: frame).shapes.count == 2)
  }

  @Test func referenceLinesWidenTheAxis() {
    #expect(ReferenceMark("fp16", at: 65504).yExtent(.log10) == Extent(lower: 65504, upper: 65504))
    #expect(ReferenceMark("none", at: -1).yExtent(.log10) == nil)
  }

  @Test func everyStyleOfASequenceIsDistinctInGrey() {
    // Neighbours of a long sequence may differ by less than the rounding of their channels to 8 bits.
    for count in 2...24 {
      let luminances = SeriesStyle.ordered(count).map(\.color.luminance)
      #expect(
        zip(luminances, luminances.dropFirst()).allSatisfy { $0 < $1 + 1.0 / 255 }, "\(count) series")
    }
    // The paper's five layers: neighbours differ by at least 0.02 of the white's luminance.
    let five = SeriesStyle.ordered(5).map(\.color.luminance)
    #expect(zip(five, five.dropFirst()).allSatisfy { $1 - $0 > 0.02 })
    // Light enough to be a line, dark enough to be seen on white: contrast of at least 2.
    #expect(five.allSatisfy { 1.05 / ($0 + 0.05) > 2 })
  }
}
