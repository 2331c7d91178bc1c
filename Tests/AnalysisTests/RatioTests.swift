import Charts
import Documents
import RealModule
import RunData
import SnapshotSupport
import Statistics
import Testing

@testable import Analysis

@Suite struct RatioTests {
  private func constant(
    _ values: [Double], _ architecture: String, seed: UInt64 = 1, steps: Int = 20, loss: Double = 3
  )
    -> RecordedRun
  {
    SyntheticRuns.run(
      values: values.map { Array(repeating: $0, count: steps) }, architecture: architecture, seed: seed,
      loss: Array(repeating: loss, count: steps))
  }

  @Test func theFirstRunIsTheBaseWhateverTheOrderOfArchitectures() throws {
    let (pre, post) = (constant([8, 2], "pre-ln"), constant([2, 2], "post-ln"))
    let ratio = try GradientRatio(runs: [pre, post])
    #expect(ratio.base.manifest.architecture == "pre-ln" && ratio.other.manifest.architecture == "post-ln")
    #expect(zip(ratio.cells, [0.25, 1]).allSatisfy { isClose($0.ratio.value, $1, relative: 1e-14) })
    #expect(ratio.cells.map(\.baseMean) == [8, 2] && ratio.cells.map(\.mean) == [2, 2])
    // Nothing varies, so the interval has no width.
    let interval = try #require(ratio.cells[0].ratio.interval)
    #expect(interval.lower == interval.upper && isClose(interval.lower, 0.25, relative: 1e-14))
    #expect(ratio.cells.map(\.verdict) == [.smaller, .undecided])
  }

  @Test func normalisingByTheLossAndByTheTotal() throws {
    let (base, other) = (constant([6, 2], "pre-ln", loss: 4), constant([3, 9], "normformer", loss: 2))
    let byLoss = try GradientRatio(runs: [base, other], normalizer: .loss)
    #expect(zip(byLoss.cells, [1.0, 9]).allSatisfy { isClose($0.ratio.value, $1, relative: 1e-14) })
    let byTotal = try GradientRatio(runs: [base, other], normalizer: .total)
    // 3/12 over 6/8, 9/12 over 2/8.
    #expect(zip(byTotal.cells, [1.0 / 3, 3]).allSatisfy { isClose($0.ratio.value, $1, relative: 1e-14) })
    #expect(byTotal.cells.map(\.baseMean) == [6, 2])
  }

  /// Student's t on log10 of the seeds' ratios 2, 4, 16; 4.302652729911275 is SciPy's `t.ppf(0.975, 2)`.
  @Test func seedsArePairedAndGiveTheInterval() throws {
    let runs =
      (1...3).map { constant([1, 1], "pre-ln", seed: $0) }
      + zip(1...3, [2.0, 4, 16]).map { constant([$1, 1], "normformer", seed: $0) }
    let cell = try #require(try GradientRatio(runs: runs).cell("fc2.weight", layer: 0))
    let logarithms = [2.0, 4, 16].map { Double.log10($0) }
    let mean = logarithms.reduce(0, +) / 3
    let variance = logarithms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2
    let reach = 4.302652729911275 * (variance / 3).squareRoot()
    #expect(isClose(cell.ratio.value, Double.pow(10, mean), relative: 1e-13))
    #expect(isClose(cell.ratio.interval?.lower ?? .nan, Double.pow(10, mean - reach), relative: 1e-9))
    #expect(isClose(cell.ratio.interval?.upper ?? .nan, Double.pow(10, mean + reach), relative: 1e-9))
    #expect(cell.method == .seeds(3))
  }

  /// What both runs have in common from step to step must not widen the interval.
  @Test func commonNoiseCancels() throws {
    let common = (0..<200).map { (step: Int) -> Double in 1 + 0.9 * Double(step * 37 % 11) / 11 }
    let base = SyntheticRuns.run(values: [common], architecture: "pre-ln")
    let other = SyntheticRuns.run(values: [common.map { 3 * $0 }], architecture: "normformer")
    let ratio = try GradientRatio(runs: [base, other]).cells[0].ratio
    let interval = try #require(ratio.interval)
    #expect(isClose(interval.lower, 3, relative: 1e-9) && isClose(interval.upper, 3, relative: 1e-9))
  }

  @Test func onlySharedStepsCount() throws {
    let base = SyntheticRuns.run(values: [[1, 1, 1, 1]], architecture: "pre-ln", steps: [0, 1, 2, 3])
    let other = SyntheticRuns.run(values: [[7, 2, 7]], architecture: "normformer", steps: [1, 2, 9])
    let ratio = try GradientRatio(runs: [base, other], window: StepWindow(lower: 2, upper: 10))
    #expect(ratio.cells[0].ratio.value == 2 && ratio.caveats.contains { $0.contains("only one of two runs") })
    #expect(throws: AnalysisError.self) {
      try GradientRatio(runs: [base, other], window: StepWindow(lower: 3, upper: 10))
    }
  }

  @Test func theWindowIsThePapersWhereItIsRecorded() throws {
    let long = ["pre-ln", "normformer"].map { constant([1], $0, steps: 1000) }
    #expect(try GradientRatio(runs: long).window == StepWindow(lower: 950, upper: 1000))
    let short = ["pre-ln", "normformer"].map { constant([1], $0, steps: 900) }
    #expect(try GradientRatio(runs: short).window == StepWindow(lower: 450, upper: 900))
  }

  @Test func whatCannotBeComparedIsSaid() throws {
    let run = constant([1, 1], "pre-ln")
    #expect(throws: AnalysisError.notTwoGroups(labels: ["Pre-LN"])) {
      try GradientRatio(runs: [run, constant([1, 1], "pre-ln", seed: 2)])
    }
    #expect(throws: AnalysisError.unequalDepths(labels: ["Pre-LN", "Post-LN"], depths: [2, 1])) {
      try GradientRatio(runs: [run, constant([1], "post-ln")])
    }
    let other = try GradientRatio(runs: [run, constant([1, 1], "post-ln", seed: 9)])
    #expect(other.caveats.contains { $0.contains("different seeds") })
    let zero = SyntheticRuns.run(
      values: [Array(repeating: 0, count: 20), Array(repeating: 1, count: 20)], architecture: "post-ln")
    let cells = try GradientRatio(runs: [run, zero]).cells
    #expect(cells[0].ratio.value == 0 && cells[0].ratio.interval == nil && cells[0].verdict == .undecided)
  }

  @Test func theMapTellsTheSideWithoutColors() throws {
    let runs = [1, 2, 3].flatMap { seed in
      ["pre-ln", "normformer"].map { SyntheticRuns.figure3($0, seed: seed, stepCount: 40) }
    }
    let ratio = try GradientRatio(runs: runs, normalizer: .loss)
    let csv = try #require(ratio.mapFigure(program: "", command: "")).csv.split(separator: "\n")
    for cell in ratio.cells {
      let side = cell.ratio.value > 1 ? "above 1" : "below 1"
      let name = cell.verdict == .undecided ? "\"\(side), not certainly\"" : "certainly \(side)"
      #expect(csv.contains("NormFormer / Pre-LN,\(name),\(cell.layer),\(cell.operation),,"))
    }
    #expect(csv.count { $0.contains("ertainly") } == ratio.cells.count)
  }

  @Test func tableAndFiguresOfRecord() throws {
    let runs = [1, 2, 3].flatMap { seed in
      ["pre-ln", "normformer"].map { SyntheticRuns.figure3($0, seed: seed, stepCount: 40) }
    }
    let ratio = try GradientRatio(runs: runs, normalizer: .loss)
    try expectSnapshot(try ratio.table(layers: .paper).rendered(as: .table), named: "ratio-table.txt")
    try expectSnapshot(ratio.longTable.rendered(as: .csv), named: "ratio-table.csv")
    for (name, figure) in [
      ("map", ratio.mapFigure(program: "nf-probe 0.1.0", command: "nf-probe ratio a.h5 b.h5")),
      ("lines", ratio.lineFigure(program: "nf-probe 0.1.0", command: "nf-probe ratio a.h5 b.h5")),
    ] {
      let svg = try #require(figure).svg
      #expect(SVGCheck(svg).problems.isEmpty, "\(SVGCheck(svg).problems)")
      try expectSnapshot(svg, named: "ratio-\(name).svg")
    }
  }
}
