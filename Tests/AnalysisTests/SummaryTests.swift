import Documents
import RunData
import Statistics
import Testing

@testable import Analysis

/// Which rows a summary has, and in which order.
struct SummaryTests {
  private func column(_ measure: Claim.Measure, _ of: [String: String] = [:]) -> SweepSummary.Column {
    SweepSummary.Column(title: measure.rawValue, measurement: Measurement(measure, of: of))
  }

  private let all = [(name: "size", count: 2), (name: "model", count: 5), (name: "lr", count: 3)]

  @Test func rowsRunOverWhatNoColumnNames() throws {
    let plain = [column(.perplexity)]
    #expect(try SweepSummary.axes(all, chosen: nil, columns: plain, lines: nil) == ["model", "size", "lr"])
    #expect(try SweepSummary.axes(all, chosen: "lr", columns: plain, lines: nil) == ["model", "size"])
    #expect(try SweepSummary.axes(all, chosen: "lr", columns: plain, lines: "size") == ["size", "model"])
    let rising = [column(.perplexity), column(.peakRate, ["lr": "rising"])]
    #expect(try SweepSummary.axes(all, chosen: "lr", columns: rising, lines: nil) == ["model", "size"])
  }

  @Test func whatLeavesACellOpenIsRefused() {
    let rising = [column(.perplexity), column(.peakRate, ["lr": "rising"])]
    #expect(
      throws: AnalysisError.summary("the column perplexity names no value of lr, which other columns do")
    ) {
      try SweepSummary.axes(all, chosen: nil, columns: rising, lines: nil)
    }
    let everything = [column(.perplexity, ["size": "a", "model": "b", "lr": "1"])]
    #expect(
      throws: AnalysisError.summary("the columns name a value of every axis, which leaves none for rows")
    ) {
      try SweepSummary.axes(all, chosen: nil, columns: everything, lines: nil)
    }
    #expect(throws: AnalysisError.summary("no rows can run over lr; there are size, model")) {
      try SweepSummary.axes(all, chosen: "lr", columns: [column(.perplexity)], lines: "lr")
    }
  }

  private func cell(_ values: [String], loss: Double?) -> SweepCell {
    let runs = (0..<3).map { seed in
      var run = SyntheticRuns.run(
        values: [[1, 1], [2, 2], [4, 4]], seed: UInt64(seed), configuration: "{}")
      run.streamSquares = [[1, 1], [4, 4], [36, 36]]
      run.validation = loss.map { [ValidationRecord(step: 2, loss: $0 + 0.1 * Double(seed))] } ?? []
      return run
    }
    return SweepCell(
      values: values, runs: runs, plannedSteps: 2, operationsPerStep: 1, timedSecondsPerStep: nil)
  }

  @Test func theFirstColumnOrdersTheRows() {
    let report = SweepReport(
      title: "t", axes: ["model", "size"],
      cells: [
        cell(["a", "s"], loss: 3), cell(["b", "s"], loss: nil), cell(["c", "s"], loss: 2),
        cell(["a", "w"], loss: 1),
        cell(["b", "w"], loss: 0.5), cell(["c", "w"], loss: 4),
      ], budget: .steps, seeds: [0, 1, 2], baseline: 2, chosenAxis: nil)
    let summary = SweepSummary(
      report, columns: [column(.perplexity), column(.streamGrowth)], axes: ["model", "size"])
    // One without a number is last, and one series decides for all.
    #expect(
      summary.rows.map(\.values) == [
        ["c", "s"], ["a", "s"], ["b", "s"], ["c", "w"], ["a", "w"], ["b", "w"],
      ])
    #expect(summary.rows.map(\.isBaseline) == [true, false, false, false, false, false])
    // √(36 / 4), the same in every seed: no interval.
    #expect(summary.rows.allSatisfy { abs($0.numbers[1].estimate.value - 3) < 1e-12 })
    #expect(
      summary.rows[0].numbers[1].estimate.interval == nil
        && summary.rows[0].numbers[0].estimate.interval != nil)
    #expect(summary.table.rendered(as: .csv).contains("stream_growth"))
  }
}
