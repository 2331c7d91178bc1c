import RunData
import Statistics

/// What the cells of a grid are given equal amounts of, and are compared over.
public enum SweepBudget: String, Sendable, CaseIterable, Codable {
  /// Optimizer updates.
  case steps
  /// Floating-point operations of matrix products and attention.
  case flops
  /// Seconds of training, at the time that a step of each cell takes on one machine.
  case seconds

  /// What an axis or a column that counts it says.
  var title: String {
    switch self {
    case .steps: "steps"
    case .flops: "PFLOP"
    case .seconds: "seconds"
    }
  }
}

/// One combination of what a grid varies, with its runs.
public struct SweepCell: Sendable {
  /// The value of each axis, in the axes' order.
  public let values: [String]
  /// Its runs, by ascending seed; those not made yet are missing.
  public let runs: [RecordedRun]
  /// Updates that each run is to make.
  public let plannedSteps: Int
  /// Floating-point operations of a step's matrix products and attention.
  public let operationsPerStep: Double
  /// Seconds of a step as they were timed beside the other cells'; nil takes the median of what the runs recorded.
  public let timedSecondsPerStep: Double?
  /// Memory that training takes: weights, gradients, moments and what a pass keeps; nil where nobody worked it out.
  public let memoryBytes: Double?
  /// Validations, the last ones, of which a run's final loss is the mean.
  public let averagedValidations: Int

  /// Creates a cell.
  public init(
    values: [String], runs: [RecordedRun], plannedSteps: Int, operationsPerStep: Double,
    timedSecondsPerStep: Double?, memoryBytes: Double? = nil, averagedValidations: Int = 1
  ) {
    self.values = values
    self.runs = runs.sorted { $0.manifest.seed < $1.manifest.seed }
    self.plannedSteps = plannedSteps
    self.operationsPerStep = operationsPerStep
    self.timedSecondsPerStep = timedSecondsPerStep
    self.memoryBytes = memoryBytes
    self.averagedValidations = averagedValidations
  }

  /// The values in one line.
  public var label: String { values.joined(separator: ", ") }

  /// The run of a seed, as far as it is.
  func run(seed: UInt64) -> RecordedRun? { runs.first { $0.manifest.seed == seed } }

  /// The runs that came to their end: what is measured halfway is another number.
  public var endedRuns: [RecordedRun] { runs.filter(hasEnded) }

  /// The run of a seed that came to its end.
  func endedRun(seed: UInt64) -> RecordedRun? { run(seed: seed).flatMap { hasEnded($0) ? $0 : nil } }

  /// Also a run that was killed after its last validation has made what was planned.
  private func hasEnded(_ run: RecordedRun) -> Bool {
    run.status.isEnd || finalLosses[run.manifest.seed] != nil
  }

  /// Whether its runs are tests of stability, whose learning rate rises until they fail.
  var hasRisingRate: Bool {
    runs.contains { ConfigurationKeys(json: $0.manifest.configurationJSON).values["decay"] == "ramp" }
  }

  /// Seconds of a step.
  var secondsPerStep: Double {
    if let timedSecondsPerStep { return timedSecondsPerStep }
    return median(runs.flatMap(\.seconds))
  }

  /// What so many updates cost.
  func cost(ofUpdates updates: Int, in budget: SweepBudget) -> Double {
    switch budget {
    case .steps: Double(updates)
    case .flops: Double(updates) * operationsPerStep / 1e15
    case .seconds: Double(updates) * secondsPerStep
    }
  }

  /// The held-out loss at the end of each run that ended well, in nats a token, by seed: that of the last validation, or the mean of the
  /// last ``averagedValidations``, which varies less with where the last step happened to lead.
  var finalLosses: [UInt64: Double] {
    runs.reduce(into: [:]) { losses, run in
      let last = run.validation.suffix(averagedValidations)
      guard last.count == averagedValidations, last.last?.step == plannedSteps else { return }
      let mean = last.reduce(0) { $0 + $1.loss } / Double(last.count)
      if mean.isFinite { losses[run.manifest.seed] = mean }
    }
  }

  /// What is to be said of runs without a final loss: seeds that ended early or are missing.
  ///
  /// - Parameter seeds: those that were planned; a cell may have got more since.
  func shortcomings(seeds: [UInt64]) -> [String] {
    let added = Set(runs.map(\.manifest.seed)).subtracting(seeds).sorted()
    return (seeds + added).compactMap { seed in
      guard let run = run(seed: seed) else { return "seed \(seed) not made" }
      if finalLosses[seed] != nil { return nil }
      switch run.status {
      case .overflow: return "seed \(seed) overflowed at step \(run.steps.last ?? 0)"
      case .diverged: return "seed \(seed) diverged at step \(run.steps.last ?? 0)"
      case .lossScaleExhausted: return "seed \(seed) ran out of loss scale at step \(run.steps.last ?? 0)"
      case .nonfinite: return "seed \(seed) not finite at step \(run.steps.last ?? 0)"
      case .finished where run.validation.isEmpty: return "seed \(seed) without held-out text"
      case .finished where run.validation.count < averagedValidations:
        return "seed \(seed) with fewer than \(averagedValidations) validations"
      case .finished: return "seed \(seed) ended with a loss that is not finite"
      case .running, .interrupted, .failed: return "seed \(seed) stopped at step \(run.steps.last ?? 0)"
      }
    }
  }

  /// Seeds that did not pass below the corpus's unigram entropy.
  var seedsNotLearning: [UInt64] {
    runs.filter { run in
      let entropy = run.manifest.corpus.unigramEntropy
      return !entropy.isNaN && finalLosses[run.manifest.seed].map { !($0 < entropy) } ?? false
    }.map(\.manifest.seed)
  }
}
