import Testing

@testable import Charts

@Suite struct DecimationTests {
  /// A sawtooth with single spikes, 100,000 points over 100 points of width.
  private let y: [Double] = {
    var values = (0..<100_000).map { (index: Int) -> Double in Double(index * 7919 % 1000) / 1000 }
    values[4321] = 99
    values[87_654] = -99
    return values
  }()
  private let x: [Double] = (0..<100_000).map { (index: Int) -> Double in Double(index) / 1000 }

  @Test func extremesAndEndsStay() {
    let kept = Decimation.kept(x: x, y: y, columnWidth: 0.5)
    #expect(kept.count <= 2 * 200 + 2)
    #expect(kept == kept.sorted() && Set(kept).count == kept.count)
    #expect(kept.first == 0 && kept.last == 99_999)
    #expect(kept.contains(4321) && kept.contains(87_654))
    for column in 0..<200 {
      let range = (column * 500)..<((column + 1) * 500)
      let inside = kept.filter(range.contains).map { y[$0] }
      #expect(inside.min() == y[range].min() && inside.max() == y[range].max(), "column \(column)")
    }
  }

  @Test func shortLinesAreKeptWhole() {
    #expect(Decimation.kept(x: [], y: [], columnWidth: 1) == [])
    #expect(Decimation.kept(x: [3], y: [1], columnWidth: 1) == [0])
    #expect(Decimation.kept(x: [0, 0.1, 10], y: [1, 2, 3], columnWidth: 1) == [0, 1, 2])
  }

  @Test func bandsKeepTheirWidestExtent() {
    let upper = y.map { $0 + 1 }
    let columns = Decimation.envelope(x: x, lower: y, upper: upper, columnWidth: 0.5)
    #expect(columns.count == 200)
    #expect(columns.contains { $0.lowest == 87_654 } && columns.contains { $0.highest == 4321 })
  }

  @Test func aLongSeriesMakesASmallFigure() {
    let line = LineMark("noise", x: x, y: y, style: SeriesStyle(color: .black))
    let panel = Panel(title: "", xTitle: "x", yTitle: "y", marks: [line])
    let figure = Figure(width: .column, rows: [[panel]], metadata: Metadata(title: "noise"))
    #expect(figure.svg.utf8.count < 30_000)
    #expect(figure.svg.contains("Thinned for print"))
    #expect(figure.csv.contains("\n,noise,4.321,99,,\n"))
  }
}
