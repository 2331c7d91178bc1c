import RunData
import Statistics
import Testing

@testable import Analysis

@Suite struct MismatchTests {
  private func mismatch(
    _ runs: RecordedRun..., operation: String = SyntheticRuns.operation,
    window: StepWindow = StepWindow(lower: 0, upper: nil), statistic: GradientStatistic = .l1
  ) throws -> Mismatch {
    try Mismatch(
      of: RunGroup(label: "Pre-LN", runs: runs), operation: operation, statistic: statistic, window: window)
  }

  /// Means 100, 10, 1 over three layers: one decade a layer.
  @Test func threeLayersByHand() throws {
    let run = SyntheticRuns.run(values: [[90, 110], [5, 15], [1, 1]])
    let result = try mismatch(run)
    #expect(result.means.map(\.value) == [100, 10, 1])
    #expect(isClose(result.earlyLate.value, 100, relative: 1e-14))
    #expect(isClose(result.spread.value, 100, relative: 1e-14))
    #expect(isClose(result.slope.value, -2, relative: 1e-14))
    #expect(result.extremes?.largest == 0 && result.extremes?.smallest == 2)
    // Two records: numbers, but no interval.
    #expect(result.earlyLate.interval == nil)
    #expect(result.caveats == [.fewRecords(2)])
    #expect(result.method == .none("2 steps, no interval"))
  }

  @Test func windowSelectsStepsNotPositions() throws {
    let run = SyntheticRuns.run(values: [[1, 2, 3, 4], [1, 1, 1, 1]], steps: [0, 10, 20, 30])
    #expect(try mismatch(run, window: StepWindow(lower: 10, upper: 30)).means[0].value == 2.5)
    #expect(try mismatch(run, window: StepWindow(lower: 11, upper: 31)).recordedSteps == 20...30)
  }

  @Test func statisticsDeriveFromTheSums() throws {
    // The fixture has Σg² = l1² / 4096, n = 4096.
    let run = SyntheticRuns.run(values: [[64], [128]])
    #expect(try mismatch(run, statistic: .l2).means.map(\.value) == [1, 2])
    #expect(try mismatch(run, statistic: .rms).means.map(\.value) == [1.0 / 64, 2.0 / 64])
    #expect(try mismatch(run, statistic: .mean).means.map(\.value) == [1.0 / 64, 2.0 / 64])
  }

  @Test func recordsAndNotStepsAreCounted() throws {
    let every10 = SyntheticRuns.run(
      values: [Array(repeating: 4, count: 30), Array(repeating: 2, count: 30)],
      steps: (0..<30).map { $0 * 10 })
    let result = try mismatch(every10, window: StepWindow(lower: 100, upper: nil))
    #expect(result.method == .steps(runs: 1, records: 20, blockLength: 1))
    #expect(result.earlyLate.interval == Interval(lower: 2, upper: 2))
    #expect(result.caveats.isEmpty)
  }

  @Test func oneLayerHasNoMismatch() throws {
    let result = try mismatch(SyntheticRuns.run(values: [Array(repeating: 3, count: 20)]))
    #expect(result.means[0].value == 3)
    #expect(result.earlyLate.value.isNaN && result.spread.value.isNaN && result.slope.value.isNaN)
    #expect(result.caveats == [.oneLayer(0)])
  }

  @Test func zeroLayersGiveRatiosTheirLimits() throws {
    let steady = Array(repeating: 2.0, count: 20)
    let zero = Array(repeating: 0.0, count: 20)
    let late = try mismatch(SyntheticRuns.run(values: [steady, steady, zero]))
    #expect(late.earlyLate == Estimate(value: .infinity, interval: nil))
    #expect(late.spread == Estimate(value: .infinity, interval: nil))
    #expect(late.slope.value.isNaN)
    #expect(late.caveats == [.zeroLayers([2])])
    let early = try mismatch(SyntheticRuns.run(values: [zero, steady, steady]))
    #expect(early.earlyLate == Estimate(value: 0, interval: nil))
    let middle = try mismatch(SyntheticRuns.run(values: [steady, zero, steady]))
    #expect(middle.earlyLate.interval != nil && middle.earlyLate.value == 1)
    let none = try mismatch(SyntheticRuns.run(values: [zero, zero]))
    #expect(none.earlyLate.value.isNaN && none.spread.value.isNaN && none.slope.value.isNaN)
  }

  @Test func layersWithoutTheTensorAreLeftOutButKeepTheirDepth() throws {
    let present = [100.0, 0, 10, 1].map { Array(repeating: $0, count: 12) }
    let result = try mismatch(SyntheticRuns.run(values: present, elementCounts: [4, 0, 4, 4]))
    #expect(result.layers == [0, 2, 3])
    #expect(isClose(result.earlyLate.value, 100, relative: 1e-14))
    // Depths 0, 2/3, 1 with mean 5/9, logarithms 2, 1, 0:
    // Σ(d - 5/9)·log / Σ(d - 5/9)² = (-10/9 + 1/9) / (42/81) = -27/14.
    #expect(isClose(result.slope.value, -27.0 / 14, relative: 1e-13))
    #expect(result.caveats == [.layersWithoutTensor([1])])
  }

  @Test func nonfiniteValuesAreNamedNotDropped() throws {
    var broken = Array(repeating: 4.0, count: 20)
    broken[7] = .nan
    broken[9] = .infinity
    let steady = Array(repeating: 2.0, count: 20)
    let result = try mismatch(SyntheticRuns.run(values: [steady, broken, steady]))
    #expect(result.earlyLate.value == 1)
    #expect(result.spread.value.isNaN && result.slope.value.isNaN && result.means[1].value.isNaN)
    #expect(result.caveats == [.nonfinite(layers: [1], firstStep: 7, stepCount: 2)])
    let before = try mismatch(
      SyntheticRuns.run(values: [steady, broken, steady]), window: StepWindow(lower: 0, upper: 7))
    #expect(before.slope.value.isFinite)
  }

  @Test func zeroByConstructionIsRefused() {
    let run = SyntheticRuns.run(values: [[1e-9], [2e-9]], isZeroByConstruction: [true, true])
    #expect(
      throws: AnalysisError.zeroByConstruction(operation: SyntheticRuns.operation, label: "Pre-LN")
    ) { try mismatch(run) }
  }

  @Test func importedRunsHaveTheStatisticsOfTheirNorms() throws {
    let run = SyntheticRuns.run(
      values: [[1], [2]], configuration: #"{"norms": "l2 max", "recorder": "import"}"#)
    #expect(
      throws: AnalysisError.normNotRecorded(statistic: .mean, label: "Pre-LN", available: [.l2, .rms])
    ) { try mismatch(run, statistic: .mean) }
    #expect(try mismatch(run, statistic: .l2).means[1].value == 2.0 / 64)
  }

  @Test func missingOperationNamesWhatIsThere() {
    let run = SyntheticRuns.run(values: [[1], [2]])
    #expect(throws: AnalysisError.noSuchOperation(name: "fc9", available: ["fc2.weight"])) {
      try mismatch(run, operation: "fc9")
    }
  }

  @Test func emptyWindowNamesWhatIsRecorded() {
    let window = StepWindow(lower: 50, upper: 60)
    let error = AnalysisError.emptyWindow(window: window, label: "Pre-LN, seed 1", recorded: 0...2)
    #expect(throws: error) {
      try mismatch(SyntheticRuns.run(values: [[1, 1, 1], [2, 2, 2]]), window: window)
    }
    #expect(error.description.contains("it has steps 0 to 2"))
  }

  @Test func twoSeedsAreResampledOverSteps() throws {
    let runs = [SyntheticRuns.figure3("pre-ln", seed: 1), SyntheticRuns.figure3("pre-ln", seed: 2)]
    let both = try mismatch(runs[0], runs[1])
    guard case .steps(2, 600, _) = both.method else {
      Issue.record("\(both.method)")
      return
    }
    let single = try runs.map { try mismatch($0).earlyLate }
    let product = single[0].value * single[1].value
    #expect(isClose(both.earlyLate.value, product.squareRoot(), relative: 1e-12))
    #expect(try width(both.earlyLate) < width(single[0]))
  }

  private func width(_ estimate: Estimate) throws -> Double {
    let interval = try #require(estimate.interval)
    return interval.upper / interval.lower
  }

  @Test func theSameDataGiveTheSameInterval() throws {
    let run = SyntheticRuns.figure3("normformer", seed: 3)
    #expect(try mismatch(run).earlyLate == mismatch(run).earlyLate)
  }

  @Test func batchNoiseThatLayersShareCancels() throws {
    let common = (0..<100).map { $0.isMultiple(of: 2) ? 3.0 : 1.0 }
    let result = try mismatch(SyntheticRuns.run(values: [common.map { $0 * 5 }, common]))
    let interval = try #require(result.earlyLate.interval)
    #expect(isClose(interval.lower, 5, relative: 1e-12) && isClose(interval.upper, 5, relative: 1e-12))
  }

  @Test func aHugeSpikeLeavesAnInterval() throws {
    var spiked = (0..<200).map { 1 + 0.1 * Double($0 % 7) }
    spiked[100] = 1e20
    let steady = (0..<200).map { 1 + 0.1 * Double($0 % 5) }
    let interval = try #require(mismatch(SyntheticRuns.run(values: [spiked, steady])).earlyLate.interval)
    #expect(interval.lower >= 0 && interval.upper > 1e17)
  }

  @Test func layerListsAreShort() {
    #expect(layerList([3]) == "layer 3")
    #expect(layerList([0, 1, 2, 5, 7, 8]) == "layers 0-2, 5, 7-8")
  }
}
