import Charts
import RunData
import Statistics
import Testing

@testable import Analysis

/// Layers that do not train at every step: a gradient that is missing is not zero, and not one that is not finite.
@Suite struct UntrainedTests {
  /// Steady gradients, without any where `isTrained` says so.
  private func run(
    _ levels: [Double], steps: Int = 40, architecture: String = "pre-ln", isTrained: (Int, Int) -> Bool
  ) -> RecordedRun {
    let trained = levels.indices.map { layer in (0..<steps).map { isTrained(layer, $0) } }
    var run = SyntheticRuns.run(
      values: zip(levels, trained).map { level, trained in trained.map { $0 ? level : .nan } },
      architecture: architecture)
    run.gradients[SyntheticRuns.operation]?.isTrained = trained
    return run
  }

  private func mismatch(_ run: RecordedRun, window: StepWindow = StepWindow(lower: 0, upper: nil)) throws
    -> Mismatch
  {
    try Mismatch(
      of: RunGroup(label: "Pre-LN", runs: [run]), operation: SyntheticRuns.operation, window: window)
  }

  @Test func gapsAreToldInWords() {
    func text(_ pattern: String) -> String {
      TrainingGaps(
        steps: pattern.indices.map { 10 * pattern.distance(from: pattern.startIndex, to: $0) },
        isTrained: pattern.map { $0 == "x" }
      )
      .description
    }
    #expect(text("xxxx") == "trained at every recorded step")
    #expect(text("....") == "not trained at any recorded step")
    #expect(text("xx..") == "not trained from step 20 on")
    #expect(text("..xx") == "not trained up to step 10")
    #expect(text("x..x") == "not trained from step 10 to 20")
    #expect(text("x.x.") == "not trained at step 10, from step 30 on")
    #expect(text(".x.x.x.x") == "not trained at 4 of 8 recorded steps")
  }

  @Test func meansRunOverTheStepsThatTrain() throws {
    // Layer 0 is frozen from step 30 on, layer 1 at every third step.
    let found = try mismatch(
      run([8, 4, 2]) { layer, step in layer == 0 ? step < 30 : layer == 2 || step % 3 != 0 })
    #expect(found.means.map(\.value) == [8, 4, 2] && found.layers == [0, 1, 2])
    #expect(
      isClose(found.earlyLate.value, 4, relative: 1e-12) && isClose(found.spread.value, 4, relative: 1e-12))
    let interval = try #require(found.earlyLate.interval)
    #expect(isClose(interval.lower, 4, relative: 1e-12) && isClose(interval.upper, 4, relative: 1e-12))
    let texts = found.caveats.map(\.description)
    #expect(
      texts == [
        "layer 0 not trained from step 30 on: its mean runs over the other steps",
        "layer 1 not trained at 14 of 40 recorded steps: its mean runs over the other steps",
      ])
  }

  @Test func aLayerThatDoesNotTrainInTheWindowIsLeftOut() throws {
    let frozen = run([8, 4, 2]) { layer, step in layer > 0 || step < 20 }
    let found = try mismatch(frozen, window: StepWindow(lower: 20, upper: nil))
    #expect(found.layers == [1, 2] && isClose(found.earlyLate.value, 2, relative: 1e-12))
    #expect(found.slope.value.isFinite)
    #expect(
      found.caveats.map(\.description) == [
        "layer 0 not trained in the window; first and last are taken among the others"
      ])
    let nothing = run([8, 4]) { _, step in step < 20 }
    #expect(
      throws: AnalysisError.notTrained(
        operation: SyntheticRuns.operation, label: "Pre-LN", window: StepWindow(lower: 20, upper: nil))
    ) { try mismatch(nothing, window: StepWindow(lower: 20, upper: nil)) }
  }

  @Test func fewTrainedStepsGiveNoInterval() throws {
    let found = try mismatch(run([8, 4]) { layer, step in layer == 1 || step < 5 })
    #expect(isClose(found.earlyLate.value, 2, relative: 1e-12) && found.earlyLate.interval == nil)
    #expect(found.caveats.contains(.fewRecords(5)))
  }

  @Test func aGradientThatIsNotFiniteIsStillOne() throws {
    var broken = run([8, 4]) { layer, step in layer == 1 || step != 3 }
    broken.gradients[SyntheticRuns.operation]?.l1[1][7] = .nan
    let found = try mismatch(broken)
    #expect(found.caveats.contains(.nonfinite(layers: [1], firstStep: 7, stepCount: 1)))
    #expect(found.earlyLate.value.isNaN && found.means[0].value == 8)
  }

  @Test func linesBreakWhereNothingTrains() throws {
    let report = try MismatchReport(
      runs: [run([8, 4]) { layer, step in layer == 1 || !(10..<20).contains(step) }], selection: .all)
    let figure = report.figure(program: "test", command: "test")
    let rows = figure.csv.split(separator: "\n").filter { $0.contains(",0,") || $0.contains("\"0\"") }
    #expect(!figure.csv.contains("nan"), "\(rows)")
    let line = try #require(figure.rows[0][0].marks.compactMap { $0 as? LineMark }.first { $0.name == "0" })
    #expect(line.stretches == [0..<10, 20..<40])
  }

  @Test func ratiosLeaveOutStepsOfEitherSide() throws {
    let base = run([8, 4, 2]) { layer, step in layer != 0 || step < 30 }
    let other = run([4, 4, 4], architecture: "normformer") { layer, step in layer != 1 }
    let ratio = try GradientRatio(runs: [base, other], window: StepWindow(lower: 0, upper: nil))
    #expect(ratio.cells.map(\.layer) == [0, 2])
    for (cell, expected) in zip(ratio.cells, [0.5, 2]) {
      #expect(isClose(cell.ratio.value, expected, relative: 1e-12))
    }
    #expect(ratio.cells.allSatisfy { $0.ratio.interval != nil })
    #expect(
      ratio.caveats == [
        "not trained at some steps of the window, which are left out, or at any: layers 0-1"
      ])
    let total = try GradientRatio(
      runs: [base, other], window: StepWindow(lower: 0, upper: nil), normalizer: .total)
    #expect(total.cells.allSatisfy { $0.ratio.value.isFinite })
  }

  @Test func whatNeverTrainsIsNotChosen() throws {
    let layout = GradientLayout(
      layerNames: ["decoder.layers.0", "decoder.layers.1"], tensorNames: ["fc2.weight", "fc2.lora_B.weight"],
      stemTensorNames: [], elementCounts: [64, 8, 64, 8], stemElementCounts: [],
      isZeroByConstruction: [false, false, false, false])
    let everything = TrainingGaps(steps: [0, 1], isTrained: [false, false])
    let trained = layout.trained([UntrainedTensors(gaps: everything, cells: [0, 2], stemTensors: [])])
    let choice = try OperationChoice(nil, among: [layout], trained: [trained])
    #expect(choice.operation == "fc2.lora_B.weight")
    #expect(
      choice.note
        == "no layer trains fc2.weight: shown is fc2.lora_B.weight, the last large matrix of a layer")
    #expect(try OperationChoice("fc2.weight", among: [layout], trained: [trained]).operation == "fc2.weight")
    #expect(try OperationChoice(nil, among: [layout], trained: [layout]).operation == "fc2.weight")
  }

  @Test func groupsOfTensorsAreNamedBriefly() {
    let layout = GradientLayout(
      layerNames: (0..<4).map { "decoder.layers.\($0)" }, tensorNames: ["fc1.weight", "fc2.weight"],
      stemTensorNames: ["decoder.embed_tokens.weight"], elementCounts: [4, 4, 4, 4, 4, 4, 0, 4],
      stemElementCounts: [4], isZeroByConstruction: Array(repeating: false, count: 8))
    func gaps(_ untrained: Set<Int>) -> TrainingGaps {
      TrainingGaps(steps: Array(0..<12), isTrained: (0..<12).map { !untrained.contains($0) })
    }
    let frozen = UntrainedTensors(
      gaps: gaps(Set(5..<12)), cells: [0, 1, 2, 3, 4, 7], stemTensors: ["decoder.embed_tokens.weight"])
    #expect(
      UntrainedTensors.sentences([frozen], of: layout) == [
        "layers 0-1, 3, fc1.weight in layer 2, decoder.embed_tokens.weight: not trained from step 5 on"
      ])
    let skipped = [[0, 2, 4, 6], [0, 2, 4, 7, 9], [1, 3, 5, 7], [0, 3, 6, 9, 11]].enumerated().map {
      layer, steps in
      UntrainedTensors(gaps: gaps(Set(steps)), cells: [2 * layer, 2 * layer + 1], stemTensors: [])
    }
    #expect(
      UntrainedTensors.sentences(skipped + [frozen], of: layout) == [
        "layers 0-1, 3, fc1.weight in layer 2, decoder.embed_tokens.weight: not trained from step 5 on",
        "layers 0-3: not trained at 4 to 5 of 12 recorded steps",
      ])
  }
}
