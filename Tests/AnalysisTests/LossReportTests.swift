import Charts
import RunData
import SnapshotSupport
import Testing
import Text

@testable import Analysis

@Suite struct LossReportTests {
  private func figure(_ runs: [RecordedRun]) throws -> Figure {
    try LossReport(runs: runs).figure(program: "nf-probe", command: "nf-probe export")
  }

  @Test func theFigureMatchesTheSnapshot() throws {
    var runs = SyntheticRuns.figure3(stepCount: 90)
    for index in runs.indices {
      for step in runs[index].loss.indices {
        runs[index].loss[step] = 4 - 0.01 * Double(step) + 0.3 * Double(index)
      }
      runs[index].validation = [30, 60, 90].map { ValidationRecord(step: $0, loss: 4 - 0.01 * Double($0)) }
    }
    runs[2].loss[50] = .nan
    try expectSnapshot(figure(runs).svg, named: "losses.svg")
  }

  /// Every loss is in the figure's points: the raw line keeps the extremes, a validation is a point.
  @Test func everyLossIsDrawn() throws {
    var run = SyntheticRuns.figure3("pre-ln", seed: 1, stepCount: 20)
    run.validation = [ValidationRecord(step: 20, loss: 2.5)]
    let lines = try figure([run]).csv.split(separator: "\n").map(String.init)
    for (step, loss) in zip(run.steps, run.loss) {
      #expect(lines.contains("loss,Pre-LN,\(step),\(NumberText.shortest(loss)),,"))
    }
    #expect(lines.contains("loss,\"Pre-LN, held-out text\",20,2.5,,"))
  }

  @Test func floorsOfDifferentCorporaAreNotDrawn() throws {
    var runs = Array(SyntheticRuns.figure3(stepCount: 20)[..<2])
    #expect(try figure(runs).svg.contains("unigram entropy"))
    runs[1].manifest.corpus.sha256 = "another"
    #expect(try !figure(runs).svg.contains("unigram entropy"))
  }
}
