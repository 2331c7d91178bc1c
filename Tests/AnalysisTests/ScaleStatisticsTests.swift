import Foundation
import RunData
import Statistics
import Testing

@testable import Analysis

/// What `make_scales.py` computed.
private struct GoldenScales: Decodable {
  struct Box: Decodable {
    /// As text: JSON has no numbers that are not finite.
    var values: [String]
    var near: Double
    var count, nonfinite: Int
    var numbers, outliers: [Double]
  }
  struct Correlation: Decodable {
    var values: [Double]
    var value, pValue: Double
  }
  struct Seeds: Decodable {
    var numbers, interval: [Double]
    var mean: Double
  }
  var boxes: [Box]
  var correlations: [Correlation]
  var seeds: Seeds

  static func load() throws -> GoldenScales {
    let url = try #require(Bundle.module.url(forResource: "scales", withExtension: "json"))
    return try JSONDecoder().decode(GoldenScales.self, from: Data(contentsOf: url))
  }
}

/// Against NumPy and SciPy. Sums of up to 200 numbers in another order differ by less than 1e-13.
@Suite struct ScaleStatisticsTests {
  @Test func boxesMatchNumPy() throws {
    for (index, golden) in try GoldenScales.load().boxes.enumerated() {
      let values = try golden.values.map { try #require(Double($0)) }
      let box = BoxSummary(of: values, near: golden.near)
      let numbers = [
        box.minimum, box.lowerWhisker, box.firstQuartile, box.median, box.thirdQuartile, box.upperWhisker,
        box.maximum, box.mean, box.distanceFromOne, box.shareNearZero, box.shareNearOne,
      ]
      for (found, expected) in zip(numbers, golden.numbers) {
        #expect(abs(found - expected) <= 1e-13 * max(1, abs(expected)), "box \(index): \(found), \(expected)")
      }
      #expect(box.count == golden.count && box.nonfiniteCount == golden.nonfinite, "box \(index)")
      #expect(box.outliers == golden.outliers, "box \(index)")
    }
  }

  @Test func aBoxOfNothingHasNoNumbers() {
    let box = BoxSummary(of: [.nan, .infinity], near: 0.05)
    #expect(box.count == 0 && box.nonfiniteCount == 2 && box.outliers.isEmpty)
    for number in [
      box.minimum, box.median, box.upperWhisker, box.mean, box.shareNearZero, box.distanceFromOne,
    ] {
      #expect(number.isNaN)
    }
  }

  @Test func correlationsMatchSciPy() throws {
    for (index, golden) in try GoldenScales.load().correlations.enumerated() {
      let found = DepthCorrelation(of: golden.values)
      #expect(abs(found.value - golden.value) < 1e-14, "case \(index): \(found.value), \(golden.value)")
      #expect(abs(found.pValue - golden.pValue) < 1e-12, "case \(index): \(found.pValue), \(golden.pValue)")
      #expect(
        found.method == (golden.values.count <= 9 ? .exact : .random) && found.count == golden.values.count)
    }
  }

  @Test func correlationsThatMeanNothing() {
    for numbers in [[], [1], [2, 2, 2], [.nan, 1], [.nan, .infinity, .nan]] {
      let found = DepthCorrelation(of: numbers)
      #expect(found.value.isNaN && found.pValue.isNaN, "\(numbers)")
    }
    // What is not finite is left out.
    #expect(DepthCorrelation(of: [1, .nan, 3, 2]) == DepthCorrelation(of: [1, 3, 2]))
    // Nine layers that rise: two of 362,880 orders are as extreme.
    #expect(DepthCorrelation(of: (0..<9).map(Double.init)).pValue == 2.0 / 362880)
  }

  @Test func meansOverSeedsMatchSciPy() throws {
    let golden = try GoldenScales.load().seeds
    let estimate = Estimate(meanOfSeeds: golden.numbers)
    #expect(isClose(estimate.value, golden.mean, relative: 1e-14))
    #expect(isClose(estimate.interval?.lower ?? .nan, golden.interval[0], relative: 1e-9))
    #expect(isClose(estimate.interval?.upper ?? .nan, golden.interval[1], relative: 1e-9))
    #expect(Estimate(meanOfSeeds: [1, 2]).interval == nil)
    #expect(Estimate(meanOfSeeds: [1, 2, .nan]).interval == nil)
  }

  // MARK: - Weight decay

  private func run(_ configuration: String, steps: [Int], rates: [Double]) -> RecordedRun {
    var run = SyntheticRuns.run(values: [steps.map { _ in 1 }], steps: steps, configuration: configuration)
    run.learningRate = rates
    return run
  }

  private let decaying = #"{"weight-decay": 0.1, "decayed": "all", "update": true}"#

  @Test func decayIsTheProductOverRecordedRates() {
    let rates = [0.5, 0.25, 0.125, 1]
    let decay = GainDecay(
      of: run(decaying, steps: [0, 1, 2, 3], rates: rates), steps: [0, 2, 4], schedule: nil)
    let two = (1 - 0.5 * 0.1) * (1 - 0.25 * 0.1)
    #expect(
      decay
        == .acted(
          weightDecay: 0.1, rates: .recorded, factors: [1, two, two * (1 - 0.125 * 0.1) * (1 - 1 * 0.1)]))
    #expect(decay.factor(atSnapshot: 1) == two)
  }

  /// Every second step recorded: the gaps are the schedule's.
  @Test func gapsAreFilledByTheSchedule() {
    let gappy = run(decaying, steps: [0, 2, 4], rates: [1, 1, 1])
    let decay = GainDecay(of: gappy, steps: [0, 3]) { Double($0 + 1) }
    #expect(
      decay
        == .acted(
          weightDecay: 0.1, rates: .scheduled, factors: [1, (1 - 0.1) * (1 - 2 * 0.1) * (1 - 3 * 0.1)]))
    // Only the updates before the snapshot count.
    #expect(
      GainDecay(of: gappy, steps: [1], schedule: nil)
        == .acted(weightDecay: 0.1, rates: .recorded, factors: [0.9]))
    guard case .unknown = GainDecay(of: gappy, steps: [3], schedule: nil) else {
      Issue.record("rates out of nothing")
      return
    }
    guard case .unknown = GainDecay(of: gappy, steps: [.max], schedule: { _ in 1 }) else {
      Issue.record("went through all steps that an integer can count")
      return
    }
  }

  @Test(arguments: [
    (#"{"weight-decay": 0, "decayed": "all"}"#, "weight decay is 0"),
    (#"{"weight-decay": 0.1, "decayed": "weights"}"#, "spared"),
    (#"{"weight-decay": 0.1, "decayed": "all", "update": false}"#, "no parameter was updated"),
  ])
  func decayThatDidNothing(configuration: String, words: String) {
    let decay = GainDecay(of: run(configuration, steps: [0], rates: [1]), steps: [1], schedule: nil)
    guard case .absent(let reason) = decay else {
      Issue.record("\(decay)")
      return
    }
    #expect(reason.contains(words) && decay.factor(atSnapshot: 0) == 1)
  }

  @Test(arguments: ["", "{}", #"{"weight-decay": 0.1}"#, #"{"weight-decay": "much", "decayed": "all"}"#])
  func decayOfAForeignConfiguration(configuration: String) {
    let decay = GainDecay(of: run(configuration, steps: [0], rates: [1]), steps: [1], schedule: nil)
    #expect(decay == .unknown("the run's configuration does not say") && decay.factor(atSnapshot: 0) == nil)
  }
}
