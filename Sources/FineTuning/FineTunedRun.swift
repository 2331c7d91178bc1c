import RunData

/// A run that learned a task, and how it did.
public struct FineTunedRun: Equatable, Sendable {
  /// What tables call the checkpoint that it began from.
  public let checkpoint: String
  /// The task.
  public let task: GlueTask
  /// The peak learning rate.
  public let learningRate: Double
  /// The seed of the head's initial values, the order of the examples, and dropout.
  public let seed: UInt64
  /// Updates that go through all examples once.
  public let stepsPerEpoch: Int
  /// The held-out metrics on the way, in the order of ``GlueTask/metrics``.
  public let validations: [ValidationRecord]
  /// Whether it made all of its steps.
  public let isFinished: Bool
  /// Its run file.
  public let file: String

  /// Creates a run.
  public init(
    checkpoint: String, task: GlueTask, learningRate: Double, seed: UInt64, stepsPerEpoch: Int,
    validations: [ValidationRecord], isFinished: Bool, file: String
  ) {
    (self.checkpoint, self.task, self.learningRate, self.seed) = (checkpoint, task, learningRate, seed)
    (self.stepsPerEpoch, self.validations) = (stepsPerEpoch, validations)
    (self.isFinished, self.file) = (isFinished, file)
  }

  /// A metric of a validation; not a number where it was not recorded.
  func value(_ metric: TaskMetric, _ validation: ValidationRecord) -> Double {
    guard let place = task.metrics.firstIndex(of: metric), place < validation.metrics.count else {
      return .nan
    }
    return validation.metrics[place]
  }

  /// The validation with the highest value of a metric, of equal ones the first; nil where none is a number, or the run broke off.
  func best(_ metric: TaskMetric) -> ValidationRecord? {
    guard isFinished else { return nil }
    return validations.filter { !value(metric, $0).isNaN }.reduce(nil) { best, record in
      guard let best, value(metric, best) >= value(metric, record) else { return record }
      return best
    }
  }
}

/// The runs of one checkpoint, task and learning rate over the seeds.
struct FineTunedCell {
  let learningRate: Double
  let runs: [FineTunedRun]
  let metric: TaskMetric

  /// The best value of each run, percent; of one that broke off, below all others.
  var values: [Double] {
    runs.map { run in run.best(metric).map { 100 * run.value(metric, $0) } ?? -.infinity }
  }
}
