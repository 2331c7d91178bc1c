import Testing

@testable import Charts

@Suite struct BoxMarkTests {
  /// Sixteen points a unit, so that every place is exact.
  private let frame = Frame(
    area: Rectangle(x: 0, y: 0, width: 128, height: 128), x: Scale(.linear, from: 0, to: 8),
    y: Scale(.linear, from: 0, to: 8), columnWidth: 0.5, markerRadius: 1.5)

  private func mark(_ boxes: [BoxMark.Box]) -> BoxMark { BoxMark("b", boxes: boxes, color: .black, width: 1) }

  @Test func aBoxHasItsPartsInPlace() {
    let box = BoxMark.Box(
      x: 4, median: 4, quartiles: Extent(lower: 3, upper: 6), whiskers: Extent(lower: 1, upper: 7),
      outliers: [8])
    let drawn = mark([box]).drawn(in: frame)
    let fine = Stroke(color: .black, width: 0.6)
    let whiskers = [
      [Point(x: 64, y: 80), Point(x: 64, y: 112)], [Point(x: 60, y: 112), Point(x: 68, y: 112)],
      [Point(x: 64, y: 32), Point(x: 64, y: 16)], [Point(x: 60, y: 16), Point(x: 68, y: 16)],
    ]
    let area = Rectangle(x: 56, y: 32, width: 16, height: 48)
    let median = [[Point(x: 56, y: 64), Point(x: 72, y: 64)]]
    #expect(drawn.shapes[0] == .polylines(whiskers, fine))
    #expect(drawn.shapes[1] == .cells([area], fill: Color.black.lightened(by: 0.75)))
    #expect(drawn.shapes[3] == .polylines(median, Stroke(color: .black, width: 1.1)))
    guard case .markers(let places, _, _) = drawn.shapes[4] else {
      Issue.record("no outlier")
      return
    }
    #expect(places == [Point(x: 64, y: 0)] && drawn.shapes.count == 5 && drawn.strays.isEmpty)
    #expect(drawn.points.map(\.part) == ["quartiles", "whiskers", "outlier"])
    #expect(drawn.points[0] == PlottedPoint(x: 4, y: 4, range: Extent(lower: 3, upper: 6), part: "quartiles"))
  }

  @Test func axesHoldEveryNumberAndHalfAPlaceOnEachSide() {
    let boxes = [
      BoxMark.Box(x: 0, median: 2, quartiles: nil, whiskers: nil, outliers: [-3]),
      BoxMark.Box(x: 3, median: nil, quartiles: nil, whiskers: Extent(lower: 1, upper: 7), points: [7.5]),
    ]
    #expect(mark(boxes).xExtent(.linear) == Extent(lower: -0.5, upper: 3.5))
    #expect(mark(boxes).yExtent(.linear) == Extent(lower: -3, upper: 7.5))
    #expect(mark(boxes).yExtent(.log10) == Extent(lower: 1, upper: 7.5))
    #expect(mark([]).yExtent(.linear) == nil && mark([]).drawn(in: frame).shapes.isEmpty)
  }

  @Test func pointsStandSideBySideAndOutliersOnEachOtherOnce() {
    let box = BoxMark.Box(
      x: 4, median: nil, quartiles: nil, whiskers: nil, outliers: [1, 1.001, 2], points: [4, 5, 6, 7])
    let drawn = mark([box]).drawn(in: frame)
    guard case .markers(let outliers, _, _) = drawn.shapes[0],
      case .markers(let points, _, _) = drawn.shapes[1]
    else {
      Issue.record("no points")
      return
    }
    #expect(outliers.count == 2 && points.map(\.x) == [58, 62, 66, 70])
    // The CSV has each, at its own place.
    #expect(drawn.points.map(\.x) == Array(repeating: 4, count: 7))
  }

  @Test func aWhiskerThatLeavesTheFigureEndsInATriangle() {
    let box = BoxMark.Box(
      x: 4, median: 4, quartiles: nil, whiskers: Extent(lower: 1, upper: 7), isOpenAbove: true)
    let shapes = mark([box]).drawn(in: frame).shapes
    // From the median, where there is no box; no cap above.
    #expect(
      shapes[0]
        == .polylines(
          [
            [Point(x: 64, y: 64), Point(x: 64, y: 112)], [Point(x: 60, y: 112), Point(x: 68, y: 112)],
            [Point(x: 64, y: 64), Point(x: 64, y: 16)],
          ], Stroke(color: .black, width: 0.6)))
    guard case .markers(let places, let style, _) = shapes.last else {
      Issue.record("no triangle")
      return
    }
    #expect(places == [Point(x: 64, y: 16)] && style.marker == .triangle)
  }

  @Test func whatHasNoPlaceIsMarkedAtTheEdge() {
    let boxes = [
      BoxMark.Box(x: 1, median: nil, quartiles: nil, whiskers: nil, hasNonfinite: true),
      BoxMark.Box(x: 2, median: -1, quartiles: nil, whiskers: nil),
    ]
    var frame = frame
    frame.y = Scale(.log10, from: 1, to: 10)
    let strays = mark(boxes).drawn(in: frame).strays
    #expect(strays.nonfinite == [16] && strays.notPositive == [32])
  }

  @Test func roomWidensAxesAndShowsNothing() {
    let room = RoomMark(x: Extent(lower: -1, upper: 2), y: Extent(lower: 0, upper: 5))
    #expect(
      room.xExtent(.linear) == Extent(lower: -1, upper: 2)
        && room.yExtent(.log10) == Extent(lower: 5, upper: 5))
    #expect(RoomMark().yExtent(.linear) == nil && room.drawn(in: frame) == .empty && room.legendStyle == nil)
  }
}
