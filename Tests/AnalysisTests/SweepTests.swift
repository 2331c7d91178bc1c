import Charts
import Documents
import RealModule
import RunData
import SnapshotSupport
import Statistics
import Testing

@testable import Analysis

/// Grids of runs with known held-out losses.
struct SweepTests {
  /// A run whose held-out loss falls to `final` over ten validations, a tenth of the way each.
  private func run(_ seed: UInt64, final: Double, steps: Int = 100, architecture: String = "pre-ln")
    -> RecordedRun
  {
    var run = SyntheticRuns.run(
      values: [Array(repeating: 1, count: steps)], architecture: "\(architecture)", seed: seed,
      configuration: "{\"final\": \(final)}")
    run.validation = (1...10).map { tenth in
      ValidationRecord(step: steps * tenth / 10, loss: final + 0.1 * Double(10 - tenth))
    }
    return run
  }

  private func cell(
    _ values: [String], losses: [Double], steps: Int = 100, operations: Double = 1e12, seconds: Double? = 0.5
  ) -> SweepCell {
    SweepCell(
      values: values,
      runs: losses.enumerated().map {
        run(UInt64($0.offset), final: $0.element, steps: steps, architecture: values[0])
      },
      plannedSteps: steps, operationsPerStep: operations, timedSecondsPerStep: seconds)
  }

  private func report(_ cells: [SweepCell], budget: SweepBudget = .steps, choose: Int? = nil) -> SweepReport {
    SweepReport(
      title: "a grid", axes: ["model", "lr"], cells: cells, budget: budget, seeds: [0, 1, 2], baseline: 0,
      chosenAxis: choose)
  }

  @Test func perplexityIsEToTheMeanLossWithStudentsInterval() {
    // SciPy: t.interval(0.95, 2, mean([2, 2.1, 2.3]), sem([2, 2.1, 2.3])) = (1.7538750, 2.5127916).
    let estimate = report([cell(["a", "1"], losses: [2, 2.1, 2.3])]).perplexity(
      of: cell(["a", "1"], losses: [2, 2.1, 2.3]))
    #expect(abs(estimate.value - Double.exp(6.4 / 3)) < 1e-12)
    #expect(abs((estimate.interval?.lower ?? 0) - Double.exp(1.7538750)) < 1e-6)
    #expect(abs((estimate.interval?.upper ?? 0) - Double.exp(2.5127916)) < 1e-6)
  }

  @Test func ratiosArePairedBySeed() {
    // Seeds differ by 1 nat, the cells by 0.1 on every seed: the ratio is certain.
    let (base, other) = (cell(["a", "1"], losses: [2, 3, 4]), cell(["b", "1"], losses: [1.9, 2.9, 3.9]))
    let ratio = report([base, other]).ratio(of: other, to: base)
    #expect(abs(ratio.value - Double.exp(-0.1)) < 1e-12)
    #expect((ratio.interval?.upper ?? 9) - (ratio.interval?.lower ?? 0) < 1e-9)
    // Only seeds that both have count.
    let fewer = SweepCell(
      values: ["b", "1"], runs: [run(2, final: 4.5)], plannedSteps: 100, operationsPerStep: 1,
      timedSecondsPerStep: nil)
    #expect(
      report([base, fewer]).ratio(of: fewer, to: base) == Estimate(value: Double.exp(0.5), interval: nil))
  }

  @Test func theBestValueAndItsPlaceInTheGrid() {
    let cells = [
      cell(["a", "1"], losses: [3, 3, 3]), cell(["a", "2"], losses: [2, 2, 2]),
      cell(["a", "3"], losses: [2.5, 2.5, 2.5]),
      cell(["b", "1"], losses: [2, 2, 2]), cell(["b", "2"], losses: [2.1, 2.1, 2.1]),
      cell(["b", "3"], losses: []),
    ]
    let choices = report(cells, choose: 1).choices
    #expect(choices.map(\.best) == [1, 3] && choices.map(\.isAtEdge) == [false, true])
    let table = report(cells, choose: 1).choiceTable
    #expect(table?.rows.count == 2 && table?.rows[1].last == .text("at the edge of the grid"))
    #expect(report(cells).choiceTable == nil)
  }

  @Test func aCrossingIsTheFirstValidationNotAboveTheBaselinesLowest() {
    // The other reaches 2.0 at the seventh of ten validations, of steps that cost twice as much.
    let base = cell(["a", "1"], losses: [2, 2, 2])
    let other = cell(["b", "1"], losses: [1.7, 1.7, 1.7], operations: 2e12, seconds: 1)
    let steps = report([base, other]).crossings
    #expect(steps.count == 1 && steps[0].cost == 70 && abs(steps[0].share.value - 0.7) < 1e-12)
    let flops = report([base, other], budget: .flops).crossings
    #expect(abs(flops[0].cost - 0.14) < 1e-12 && abs(flops[0].share.value - 1.4) < 1e-12)
    #expect(abs(report([base, other], budget: .seconds).crossings[0].share.value - 1.4) < 1e-12)
    #expect(report([base, cell(["b", "1"], losses: [2.2, 2.2, 2.2])]).crossings.isEmpty)
    // A mark that stands for some seeds alone does not lie on the line of all.
    let some = report([base, cell(["b", "1"], losses: [1.9, 2.2, 2.2])])
    let notes = some.curveFigure(program: "", command: "")?.notes.joined(separator: " ")
    #expect(notes?.contains("Diamonds are means over the seeds that reach it: 1 of 3 (b, 1).") == true)
  }

  @Test func figuresSayHowManySeedsTheirLinesHave() {
    // As in a sweep that was interrupted: one cell has fewer runs.
    let cells = [cell(["a", "1"], losses: [2, 2.1, 2.3]), cell(["b", "1"], losses: [2, 2.2])]
    let report = report(cells)
    let curves = report.curveFigure(program: "", command: "")?.notes.first
    #expect(curves?.hasPrefix("Lines: geometric mean over n = 2 or 3 seeds. Bands:") == true)
    #expect(
      report.perplexityFigure(program: "", command: "")?.notes == [
        "Geometric mean over n = 2 or 3 seeds, 95 % interval by Student's t on the loss from three on."
      ])
  }

  @Test func ratioCurvesArePairedAtEqualCost() throws {
    // Seeds differ by half a nat, the cells by 0.1 on every seed: at equal steps the ratio is certain, and needs no interpolation.
    let base = cell(["a", "1"], losses: [2, 2.5, 3])
    let other = cell(["b", "1"], losses: [1.9, 2.4, 2.9])
    let equal = try #require(report([base, other]).ratioCurve(of: 1))
    #expect(equal.cost == (1...10).map { Double($0 * 10) } && !equal.isInterpolated && equal.seedCount == 3)
    for numbers in [equal.mean, equal.lowest, equal.highest] {
      #expect(numbers.allSatisfy { isClose($0, Double.exp(-0.1), relative: 1e-12) })
    }
    #expect(report([base, other]).ratioCurve(of: 0) == nil)

    // At twice the cost a step, the other is at 20, 40 ... where the base is at its second, fourth ... validation.
    let dear = cell(["b", "1"], losses: [1.9, 2.4, 2.9], steps: 50, operations: 2e12)
    let dearCurve = try #require(report([base, dear], budget: .flops).ratioCurve(of: 1))
    #expect(dearCurve.cost.count == 10 && isClose(dearCurve.mean[9], Double.exp(-0.1), relative: 1e-12))

    // Between two validations: at 15 of 10 and 20, a tenth of a nat apart.
    let odd = cell(["b", "1"], losses: [1.9, 2.4, 2.9], steps: 100, operations: 1.5e12)
    let oddCurve = try #require(report([base, odd], budget: .flops).ratioCurve(of: 1))
    let baseLoss = 2.9 - 0.1 * Double.log10(1.5) / Double.log10(2)
    #expect(oddCurve.isInterpolated)
    #expect(isClose(oddCurve.mean[0], Double.exp(1.9 + 0.9 - baseLoss), relative: 1e-9))
    // Nothing is said beyond the base's end, but for less than a step.
    #expect(oddCurve.cost.count == 6)
    let longer = cell(["b", "1"], losses: [1.9, 2.4, 2.9], operations: 1.005e12)
    #expect(try #require(report([base, longer], budget: .flops).ratioCurve(of: 1)).cost.count == 10)
    // One seed of the other's three.
    let single = cell(["b", "1"], losses: [1.9])
    #expect(report([base, single]).ratioCurve(of: 1)?.seedCount == 1)
  }

  @Test func curvesHaveASecondPanelOfRatios() throws {
    let cells = [cell(["a", "1"], losses: [2, 2.1, 2.3]), cell(["b", "1"], losses: [2, 2.2, 2.1])]
    let both = try #require(report(cells).curveFigure(program: "", command: ""))
    #expect(both.rows.count == 2 && both.rows[1][0].yTitle == "ratio to a, 1")
    #expect(both.notes.joined().hasSuffix("Ratios: seed by seed, at equal steps."))
    #expect(both.csv.contains("ratio,\"b, 1\",100,"))
    #expect(SVGCheck(both.svg).problems == [])
    let alone = try #require(report([cells[0]]).curveFigure(program: "", command: ""))
    #expect(alone.rows.count == 1)
  }

  @Test func whatIsMissingIsSaid() {
    var stopped = run(1, final: 2)
    stopped.status = .interrupted
    stopped.validation.removeLast()
    var diverged = run(2, final: 2)
    diverged.status = .nonfinite
    diverged.validation = []
    let cell = SweepCell(
      values: ["a", "1"], runs: [stopped, diverged], plannedSteps: 100, operationsPerStep: 1,
      timedSecondsPerStep: nil)
    #expect(cell.finalLosses.isEmpty)
    #expect(
      cell.shortcomings(seeds: [0, 1, 2]) == [
        "seed 0 not made", "seed 1 stopped at step 99", "seed 2 not finite at step 99",
      ])
    // Seeds that came later are told of too.
    #expect(cell.shortcomings(seeds: [1]) == ["seed 1 stopped at step 99", "seed 2 not finite at step 99"])
    #expect(report([cell]).perplexity(of: cell).value.isNaN)
    #expect(report([cell]).perplexityFigure(program: "p", command: "c") == nil)
  }

  @Test func tablesAndFiguresMatchTheSnapshots() throws {
    let cells = [
      cell(["Baseline", "0.001"], losses: [2.30, 2.33, 2.31]),
      cell(["Baseline", "0.003"], losses: [2.26, 2.24, 2.27]),
      cell(["Baseline", "0.006"], losses: [2.35, 2.38, 2.36]),
      cell(
        ["NormFormer", "0.001"], losses: [2.20, 2.22, 2.21], steps: 90, operations: 1.01e12, seconds: 0.55),
      cell(
        ["NormFormer", "0.003"], losses: [2.10, 2.15, 2.12], steps: 90, operations: 1.01e12, seconds: 0.55),
      cell(
        ["NormFormer", "0.006"], losses: [2.14, 2.18, 2.19], steps: 90, operations: 1.01e12, seconds: 0.55),
    ]
    let report = report(cells, budget: .seconds, choose: 1)
    let text = [report.table, report.choiceTable, report.crossingTable, report.runTable].compactMap(\.self)
      .map { $0.rendered(as: .table) }.joined(separator: "\n")
    try expectSnapshot(text, named: "sweep-tables.txt")
    for (name, figure) in [
      (
        "sweep-lines",
        report.perplexityFigure(program: "nf-probe 0.1.0 (test)", command: "nf-probe sweep grid")
      ),
      (
        "sweep-dots",
        self.report(cells, budget: .seconds).perplexityFigure(
          program: "nf-probe 0.1.0 (test)", command: "nf-probe sweep grid")
      ),
      ("sweep-curves", report.curveFigure(program: "nf-probe 0.1.0 (test)", command: "nf-probe sweep grid")),
    ] {
      let svg = try #require(figure).svg
      #expect(SVGCheck(svg).problems == [])
      try expectSnapshot(svg, named: "\(name).svg")
    }
  }

  @Test func aRunThatRecordedEveryTenthStepHasMadeThemAll() throws {
    var sparse = run(0, final: 2)
    sparse.steps = Array(stride(from: 0, to: 100, by: 10))
    sparse.tokens = (0..<10).map { $0 % 2 == 0 ? 10 : 12 }
    sparse.seconds = (0..<10).map { $0 < 8 ? 0.5 : 3 }
    var stopped = run(1, final: 2)
    (stopped.steps, stopped.tokens, stopped.status) = ([0, 10, 20], [10, 12, 10], .interrupted)
    stopped.validation = [ValidationRecord(step: 15, loss: 3)]
    let cell = SweepCell(
      values: ["a", "1"], runs: [sparse, stopped], plannedSteps: 100, operationsPerStep: 1e12,
      timedSecondsPerStep: nil)
    let rows = report([cell]).runTable.rows
    let columns = report([cell]).runTable.columns.map(\.key)
    func value(_ row: Int, _ key: String) throws -> Table.Cell {
      rows[row][try #require(columns.firstIndex(of: key))]
    }
    #expect(try value(0, "steps") == .integer(100) && value(0, "tokens") == .integer(1100))
    #expect(try value(0, "seconds_per_step") == .number(0.5))
    #expect(try value(1, "steps") == .integer(21))
  }
}
