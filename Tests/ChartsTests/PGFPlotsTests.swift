import SnapshotSupport
import Testing

@testable import Charts

@Suite struct PGFPlotsTests {
  private func figure(_ marks: [any Mark], notes: [String] = []) -> Figure {
    let panel = Panel(
      title: "Pre-LN, 50 % & more", xTitle: "step", yTitle: "L1 norm of fc2_weight", yKind: .log10,
      xIsWhole: true,
      marks: marks)
    return Figure(
      width: .column, rows: [[panel]], legendTitle: "layer", notes: notes,
      metadata: Metadata(title: "A figure", program: "nf-probe", command: "nf-probe export", runIDs: ["0123"])
    )
  }

  private func columns(_ csv: String) -> [String: [String]] {
    let rows = csv.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    return Dictionary(
      uniqueKeysWithValues: rows[0].indices.map { column in
        (rows[0][column], rows.dropFirst().map { $0[column] })
      })
  }

  private let style = SeriesStyle(color: Color.okabeIto[0], marker: .square, isHollow: true)

  @Test func everyKindOfMark() throws {
    let written = figure(
      [
        ShadeMark("window", from: 2, to: 9), ReferenceMark("floor", at: 2),
        BandMark("range", x: [0, 1, 2], lower: [1, 2, 1], upper: [3, 4, 3], color: Color.okabeIto[1]),
        LineMark("0", x: [0, 1, 2, 3], y: [1, 10, 4, 2], style: style, markerCount: 2),
      ], notes: ["Intervals: 95 %."]
    ).pgfplots(tableName: "a.csv")
    let text = try #require(written)
    try expectSnapshot(text.tex, named: "pgfplots.tex")
    try expectSnapshot(text.csv, named: "pgfplots.csv")
  }

  @Test func gapsAndNumbersWithoutAPlaceAreKept() throws {
    let line = LineMark(
      "0", x: [0, 1, 2, 3, 4, 5, 6, 7, 8], y: [1, 10, .nan, 10, 9, 0, 7, .infinity, 5],
      stretches: [0..<5, 5..<9],
      style: style)
    let written = try #require(figure([line]).pgfplots(tableName: "a.csv"))
    let found = columns(written.csv)
    #expect(found["pre-ln-50-more.0.x"] == ["0", "1", "nan", "3", "4"])
    #expect(found["pre-ln-50-more.0.y"] == ["1", "10", "nan", "10", "9"])
    // Points that stand alone, and those that no axis has a place for.
    #expect(found["pre-ln-50-more.0-alone.x"] == ["6", "8", "nan", "nan", "nan"])
    #expect(found["pre-ln-50-more.0-not-finite.x"] == ["2", "7", "nan", "nan", "nan"])
    #expect(found["pre-ln-50-more.0-zero-or-less.x"] == ["5", "nan", "nan", "nan", "nan"])
  }

  @Test func longLinesAreThinnedToTheirExtremes() throws {
    let x = (0..<10_000).map(Double.init)
    let y = x.map { 1 + ($0 * 0.7).truncatingRemainder(dividingBy: 13) + ($0 == 4321 ? 1000 : 0) }
    let written = try #require(
      figure([LineMark("0", x: x, y: y, style: style)]).pgfplots(tableName: "a.csv", pointsPerLine: 100))
    let kept = try #require(columns(written.csv)["pre-ln-50-more.0.x"])
    // The line does not reach the frame's sides, so there are a few columns fewer.
    #expect(
      (80...102).contains(kept.count) && kept.contains("4321") && kept.first == "0" && kept.last == "9999")
    #expect(written.tex.contains("Thinned: a line of more than 100 points"))
    let short = try #require(
      figure([LineMark("0", x: [0, 1], y: [1, 2], style: style)]).pgfplots(tableName: "a.csv"))
    #expect(!short.tex.contains("Thinned"))
  }

  @Test func seriesOfOneNameHaveColumnsOfTheirOwn() throws {
    let lines = (0..<2).map { LineMark("same", x: [0, 1], y: [1, 2 + Double($0)], style: style) }
    let found = columns(try #require(figure(lines).pgfplots(tableName: "a.csv")).csv)
    #expect(found["pre-ln-50-more.same.y"] == ["1", "2"] && found["pre-ln-50-more.same-2.y"] == ["1", "3"])
  }

  @Test func otherMarksAreRefused() {
    #expect(figure([PointsMark("p", x: [1], y: [1], style: style)]).pgfplots(tableName: "a.csv") == nil)
  }
}
