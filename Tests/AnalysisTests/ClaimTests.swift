import RealModule
import RunData
import Statistics
import Testing
import Text

@testable import Analysis

/// Claims measured on runs with known gradients and losses.
struct ClaimTests {
  /// A run whose gradients are constant over the steps: `profile[layer]`, from step 50 on twice as much.
  private func run(_ architecture: String, seed: UInt64, profile: [Double], loss: Double = 2) -> RecordedRun {
    var run = SyntheticRuns.run(
      values: profile.map { level in (0..<100).map { $0 < 50 ? level : 2 * level } },
      architecture: architecture,
      seed: seed, loss: Array(repeating: loss, count: 100), configuration: "{}")
    run.validation = [ValidationRecord(step: 100, loss: loss)]
    return run
  }

  private func cell(_ values: [String], _ profiles: [[Double]], losses: [Double] = [2, 2, 2]) -> SweepCell {
    SweepCell(
      values: values,
      runs: profiles.enumerated().map {
        run(values[0], seed: UInt64($0.offset), profile: $0.element, loss: losses[$0.offset])
      }, plannedSteps: 100, operationsPerStep: 1, timedSecondsPerStep: nil)
  }

  private func report(_ cells: [SweepCell], choose: Int? = nil) -> SweepReport {
    SweepReport(
      title: "t", axes: ["model", "lr"], cells: cells, budget: .steps, seeds: [0, 1, 2], baseline: 0,
      chosenAxis: choose)
  }

  private func claim(
    _ measure: Claim.Measure, of: String = "a", against: String? = nil, bound: Claim.Bound
  ) -> Claim {
    Claim(
      says: "s", source: "p",
      measurement: Measurement(
        measure, of: ["model": of], against: against.map { ["model": $0] } ?? [:]), bound: bound)
  }

  @Test func whatWasStoppedOnTheWayIsNoMeasurement() {
    var runs = [[8.0, 4], [8.8, 4], [7.2, 4], [1, 4]].enumerated().map {
      run("a", seed: UInt64($0.offset), profile: $0.element)
    }
    func result() -> ClaimResult {
      let cell = SweepCell(
        values: ["a", "1"], runs: runs, plannedSteps: 100, operationsPerStep: 1, timedSecondsPerStep: nil)
      return ClaimResult(claim(.earlyLate, bound: .above(1)), in: report([cell]))
    }
    for status in [RunStatus.running, .interrupted, .failed] {
      runs[3].status = status
      // After its last validation it has only not been closed.
      #expect(result().seedCount == 4 && result().note.isEmpty)
      runs[3].validation = []
      #expect(result().verdict == .holds && result().seedCount == 3)
      #expect(result().note == "1 of 4 runs of a, 1 has not come to its end, and is left out")
      runs[3].validation = runs[2].validation
    }
    runs[3].status = .diverged
    #expect(result().seedCount == 4)
  }

  @Test func profilesBecomeNumbers() {
    let cells = [
      cell(["a", "1"], [[8, 4, 2], [8.8, 4, 2], [7.2, 4, 2]]),
      cell(["b", "1"], [[1, 2, 4], [1, 2, 4], [1, 2, 4]]),
    ]
    let report = report(cells)
    let early = ClaimResult(claim(.earlyLate, bound: .above(1)), in: report)
    // Geometric mean of 4, 4.4 and 3.6.
    #expect(abs(early.effect.value - Double.pow(10, Double.log10(4 * 4.4 * 3.6) / 3)) < 1e-12)
    #expect(early.verdict == .holds && early.seedCount == 3)
    #expect(ClaimResult(claim(.earlyLate, bound: .below(1)), in: report).verdict == .doesNotHold)
    #expect(ClaimResult(claim(.earlyLate, bound: .above(4)), in: report).verdict == .undecided)
    #expect(ClaimResult(claim(.earlyLate, bound: .between(2, 8)), in: report).verdict == .holds)
    let slope = ClaimResult(claim(.slope, of: "b", bound: .above(0)), in: report)
    #expect(abs(slope.effect.value - Double.log10(4)) < 1e-12)
    let spread = ClaimResult(claim(.spread, of: "b", against: "a", bound: .between(0.9, 1.1)), in: report)
    #expect(abs(spread.effect.value - 4 / Double.pow(10, Double.log10(4 * 4.4 * 3.6) / 3)) < 1e-12)
  }

  @Test func ratiosOfGradientsTakeTheMeanTheLargestOrTheSmallest() {
    let cells = [
      cell(["a", "1"], Array(repeating: [1, 1, 1], count: 3), losses: [2, 2, 2]),
      cell(["b", "1"], Array(repeating: [2, 1, 0.5], count: 3), losses: [1, 1, 1]),
    ]
    func effect(_ change: (inout Claim) -> Void) -> Double {
      var claim = claim(.gradient, of: "b", against: "a", bound: .above(1))
      change(&claim)
      return ClaimResult(claim, in: report(cells)).effect.value
    }
    #expect(abs(effect { _ in } - 1) < 1e-12)
    #expect(abs(effect { $0.take = .largest } - 2) < 1e-12)
    #expect(abs(effect { $0.take = .smallest } - 0.5) < 1e-12)
    #expect(abs(effect { $0.layers = .listed([-1]) } - 0.5) < 1e-12)
    // Divided by the losses, 1 against 2.
    #expect(abs(effect { ($0.layers, $0.normalizer) = (.listed([0]), .loss) } - 4) < 1e-12)
    // Each side by its own sum: 2/3.5 over 1/3.
    #expect(abs(effect { ($0.layers, $0.normalizer) = (.listed([0]), .total) } - 6 / 3.5) < 1e-12)
    let drift = effect {
      ($0.against, $0.from, $0.window) = (
        [:], StepWindow(lower: 0, upper: 10), StepWindow(lower: 90, upper: 100)
      )
    }
    #expect(abs(drift - 2) < 1e-12)
  }

  @Test func perplexitiesArePaired() {
    let cells = [
      cell(["a", "1"], Array(repeating: [1, 1], count: 3), losses: [2, 3, 4]),
      cell(["b", "1"], Array(repeating: [1, 1], count: 3), losses: [1.9, 2.9, 3.9]),
    ]
    let result = ClaimResult(claim(.perplexity, of: "b", against: "a", bound: .below(1)), in: report(cells))
    #expect(abs(result.effect.value - Double.exp(-0.1)) < 1e-12 && result.verdict == .holds)
    #expect(
      ClaimResult(claim(.parameters, of: "b", against: "a", bound: .between(0.99, 1.01)), in: report(cells))
        .verdict == .holds)
  }

  @Test func withoutThreeSeedsNothingIsDecided() {
    let result = ClaimResult(
      claim(.earlyLate, bound: .above(1)), in: report([cell(["a", "1"], [[8, 4, 2], [8, 4, 2]])]))
    #expect(
      result.verdict == .undecided && result.effect.value == 4
        && result.note == "an interval needs three seeds")
  }

  @Test func whatIsMissingIsSaid() {
    let report = report([
      cell(["a", "1"], [[8, 4], [8, 4], [8, 4]]), cell(["a", "2"], [[8, 4], [8, 4], [8, 4]]),
    ])
    // Two cells match.
    #expect(
      ClaimResult(claim(.earlyLate, bound: .above(1)), in: report).note.hasPrefix("the sweep has no one cell")
    )
    var other = claim(.earlyLate, bound: .above(1))
    (other.of, other.operations) = (["model": "a", "lr": "1"], ["fc9.weight"])
    #expect(
      ClaimResult(other, in: report).note
        == "not to be measured in seed 0, seed 1, seed 2")
    #expect(claim(.gradient, bound: .above(1)).measurement.problem?.contains("against") == true)
    #expect(claim(.earlyLate, bound: .above(1)).measurement.problem == nil)
  }

  @Test func aClaimAgainstWhatIsNoOneCellIsUndecided() {
    let report = report([
      cell(["a", "1"], [[8, 4], [8, 4], [8, 4]]), cell(["b", "1"], [[8, 4], [8, 4], [8, 4]]),
      cell(["b", "2"], [[8, 4], [8, 4], [8, 4]]),
    ])
    // By itself a's early/late is 2; against b, which is two cells, it is nothing.
    let result = ClaimResult(claim(.earlyLate, against: "b", bound: .above(1)), in: report)
    #expect(result.verdict == .undecided && result.effect.value.isNaN && result.seedCount == 0)
    #expect(result.note == "the sweep has no one cell model: b")
  }

  @Test func aChosenAxisStandsForItsBestValue() {
    let report = report(
      [
        cell(["a", "1"], [[4, 2], [4, 2], [4, 2]], losses: [3, 3, 3]),
        cell(["a", "2"], [[6, 2], [6, 2], [6, 2]], losses: [2, 2, 2]),
      ], choose: 1)
    #expect(abs(ClaimResult(claim(.earlyLate, bound: .above(1)), in: report).effect.value - 3) < 1e-12)
  }

  @Test func aSeedThatCannotBeMeasuredLeavesTheClaimOpen() {
    let cells = [
      cell(["a", "1"], Array(repeating: [1, 1], count: 4), losses: [2, 3, 4, .nan]),
      cell(["b", "1"], Array(repeating: [1, 1], count: 4), losses: [1.9, 2.9, 3.9, 4]),
    ]
    let result = ClaimResult(claim(.perplexity, of: "b", against: "a", bound: .below(1)), in: report(cells))
    #expect(result.verdict == .undecided && result.seedCount == 3)
    #expect(result.note == "not to be measured in seed 3")
  }

  @Test func theBestValueIsChosenSeedBySeed() {
    let cells = [
      cell(["a", "0.1"], Array(repeating: [1, 1], count: 3), losses: [2, 3, 4]),
      cell(["a", "0.2"], Array(repeating: [1, 1], count: 3), losses: [3, 2, 3]),
      cell(["b", "0.1"], Array(repeating: [1, 1], count: 3), losses: [3, 3, 3]),
      cell(["b", "0.2"], Array(repeating: [1, 1], count: 3), losses: [2, 2, 2]),
    ]
    let result = ClaimResult(
      claim(.bestValue, of: "b", against: "a", bound: .above(1)), in: report(cells, choose: 1))
    // b's best is 0.2 throughout, a's 0.1, 0.2 and 0.2.
    #expect(abs(result.effect.value - Double.pow(10, Double.log10(2) / 3)) < 1e-12 && result.seedCount == 3)
  }

  @Test func theCostOfReachingTheOthersLossIsComparedSeedBySeed() {
    func runs(_ name: String, _ losses: [[Double]]) -> SweepCell {
      var cell = cell(
        [name, "1"], Array(repeating: [1, 1], count: losses.count), losses: losses.map { $0[3] })
      cell = SweepCell(
        values: cell.values,
        runs: zip(cell.runs, losses).map { run, losses in
          var run = run
          run.validation = losses.enumerated().map {
            ValidationRecord(step: 25 * ($0.offset + 1), loss: $0.element)
          }
          return run
        }, plannedSteps: 100, operationsPerStep: 1, timedSecondsPerStep: nil)
      return cell
    }
    // Seed 0 is there after 50 of 100 steps, seed 1 after 75, seed 2 after 50 of 75.
    let cells = [
      runs("a", [[4, 3, 3, 2], [4, 3, 3, 2], [4, 3, 2, 2.5]]),
      runs("b", [[4, 2, 2, 1], [4, 3, 1, 1], [4, 1, 1, 1]]),
    ]
    let result = ClaimResult(claim(.costShare, of: "b", against: "a", bound: .below(1)), in: report(cells))
    #expect(abs(result.effect.value - Double.pow(10, Double.log10(0.5 * 0.75 * 50 / 75) / 3)) < 1e-12)
    let back = ClaimResult(claim(.costShare, of: "a", against: "b", bound: .below(1)), in: report(cells))
    #expect(back.verdict == .undecided && back.seedCount == 0)
    #expect(back.note == "seed 0, seed 1, seed 2 not as low as the other's lowest loss")
  }
}
