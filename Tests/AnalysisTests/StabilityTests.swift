import Charts
import Documents
import RunData
import SnapshotSupport
import Testing

@testable import Analysis

/// What is read off runs whose learning rate rose until they failed.
@Suite struct StabilityTests {
  private static let places = OperationPlace.forwardOrder(
    layerCount: 2, operationNames: ["input", "self_attn.logits", "fc2"],
    stemOperationNames: ["decoder.output_projection"])

  /// A run whose outputs are 10 but for those named, `(step, place, max |x|)`.
  private func run(
    _ architecture: String = "pre-ln", seed: UInt64 = 0, status: RunStatus = .overflow, losses: [Double],
    outputs: [(step: Int, place: Int, value: Double)] = [], precision: String = "", slope: Double = 1e-3
  ) -> RecordedRun {
    let settings = precision.isEmpty ? "" : #", "precision": "\#(precision)""#
    var run = SyntheticRuns.run(
      values: [losses.map { _ in 1 }, losses.map { _ in 1 }], architecture: architecture, seed: seed,
      loss: losses,
      configuration: #"{"decay": "ramp", "lr-slope": \#(slope)\#(settings)}"#)
    run.status = status
    run.learningRate = losses.indices.map { slope * Double($0 + 1) }
    var values = losses.map { _ in Self.places.map { _ in 10.0 } }
    for output in outputs { values[output.step][output.place] = output.value }
    run.outputs = OutputMaxima(places: Self.places, values: values)
    return run
  }

  private func falling(_ count: Int) -> [Double] {
    (1...count).map { (step: Int) -> Double in 3 + 2 / Double(step) }
  }

  /// The update of the step that fails is not made: 400 updates at 5e-5 are the paper's 0.02.
  @Test func theRateIsThatOfTheLastUpdate() throws {
    let outcome = try StabilityOutcome(
      run(losses: falling(401), outputs: [(400, 1, 70_000)], slope: 5e-5))
    #expect(outcome.updates == 400 && abs(outcome.peakRate - 0.02) <= 1e-15)
    #expect(
      outcome.ending == .overflow && outcome.failed == OperationPlace(layer: 0, name: "self_attn.logits"))
    #expect(outcome.failedAfter == 400)
    // One that did not fail made that update too.
    for (status, ending) in [
      (RunStatus.finished, StabilityOutcome.Ending.survived), (.interrupted, .interrupted),
      (.running, .unfinished), (.failed, .error),
    ] {
      let outcome = try StabilityOutcome(run(status: status, losses: falling(401), slope: 5e-5))
      #expect(
        outcome.updates == 401 && outcome.ending == ending && !ending.isFailure && outcome.failed == nil)
    }
  }

  @Test func theFirstOverflowIsThatOfStepsThenOfTheForwardPass() throws {
    let outcome = try StabilityOutcome(
      run(losses: falling(10), outputs: [(9, 0, .infinity), (7, 6, 65504.01), (7, 5, .nan), (3, 2, 65504)]))
    #expect(outcome.failed == OperationPlace(layer: 1, name: "fc2") && outcome.failedAfter == 7)
    #expect(outcome.largest == .init(place: Self.places[0], maxAbs: .infinity))
    let head = try StabilityOutcome(run(losses: falling(2), outputs: [(1, 6, 1e5)]))
    #expect(head.failed == OperationPlace(layer: nil, name: "decoder.output_projection"))
  }

  /// fp16's range is not bf16's; runs in fp32 are judged by fp16's.
  @Test(arguments: [("", true), ("fp16", true), ("bf16", false)])
  func theRangeIsThatOfTheFormat(precision: String, overflows: Bool) throws {
    let outcome = try StabilityOutcome(
      run(losses: falling(5), outputs: [(4, 1, 1e6)], precision: precision))
    #expect((outcome.failed != nil) == overflows)
  }

  @Test func aLossAtTheUnigramEntropyIsNotLearning() throws {
    // The corpus's is 5.1.
    #expect(try StabilityOutcome(run(losses: falling(50))).isLearning)
    #expect(try !StabilityOutcome(run(losses: falling(30) + Array(repeating: 5.2, count: 20))).isLearning)
    #expect(try StabilityOutcome(run(losses: Array(repeating: 9, count: 30) + falling(20))).isLearning)
  }

  @Test func mediansAreTakenOverSeeds() throws {
    let runs = zip(0..<4, [10, 40, 20, 80]).map { seed, count in
      run(seed: UInt64(seed), losses: falling(count + 1), outputs: [(count, 1, 1e5)])
    }
    let entry = try StabilityReport(runs: Array(runs.prefix(3))).entries[0]
    #expect(entry.medianUpdates == 20 && abs(entry.medianPeakRate - 0.02) <= 1e-15)
    #expect(try StabilityReport(runs: runs).entries[0].medianUpdates == 30)
  }

  @Test func runsThatAreNoTestAreRefused() throws {
    let label = "Pre-LN, seed 1"
    let plain = SyntheticRuns.run(values: [[1, 1]], configuration: #"{"decay": "linear", "lr-slope": 1}"#)
    #expect(throws: AnalysisError.notARamp(label: label, decay: "linear")) {
      try StabilityReport(runs: [plain])
    }
    #expect(throws: AnalysisError.notARamp(label: label, decay: nil)) {
      try StabilityReport(runs: [SyntheticRuns.run(values: [[1, 1]])])
    }
    var blind = run(seed: 1, losses: falling(3))
    blind.outputs = nil
    #expect(throws: AnalysisError.noOutputs(label: label)) { try StabilityReport(runs: [blind]) }
    #expect(throws: AnalysisError.noSteps(label: label)) {
      try StabilityReport(runs: [run(seed: 1, losses: [])])
    }
    #expect(throws: AnalysisError.noRuns) { try StabilityReport(runs: []) }
  }

  @Test func tableAndFigureOfRecord() throws {
    let exploding = falling(60) + (0..<10).map { 3 + Double($0 * $0) }
    let runs = [
      run("post-ln", seed: 0, losses: Array(repeating: 5.2, count: 90), outputs: [(89, 6, 1e5)]),
      run("post-ln", seed: 1, status: .nonfinite, losses: falling(40) + [.nan]),
      run("post-ln", seed: 2, status: .diverged, losses: exploding),
      run("pre-ln", seed: 0, losses: falling(60), outputs: [(59, 1, 1e5)]),
      run("pre-ln", seed: 1, losses: falling(80), outputs: [(79, 4, 1e5)]),
      run("normformer", seed: 0, status: .finished, losses: falling(100)),
      run(
        "normformer", seed: 1, status: .lossScaleExhausted, losses: falling(90), outputs: [(88, 5, .infinity)]
      ),
    ]
    let report = try StabilityReport(runs: runs)
    try expectSnapshot(report.table.rendered(as: .table), named: "stability-table.txt")
    try expectSnapshot(report.longTable.rendered(as: .csv), named: "stability-table.csv")
    let svg = report.figure(program: "nf-probe 0.1.0", command: "nf-probe stability").svg
    #expect(SVGCheck(svg).problems.isEmpty, "\(SVGCheck(svg).problems)")
    try expectSnapshot(svg, named: "stability.svg")
  }
}
