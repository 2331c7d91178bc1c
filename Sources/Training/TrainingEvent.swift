import RunData

/// What a run says while it goes.
public enum TrainingEvent: Sendable {
  /// A step is done that the recording schedule includes.
  case recorded(StepRecord)
  /// A step is done that it does not include.
  case passed(step: Int, loss: Double, seconds: Double)
  /// A step's batch was looked at by parts.
  case noise(NoiseRecord)
  /// The learned scales after some updates.
  case snapshot(ScaleSnapshot)
  /// The held-out loss after some updates.
  case validated(ValidationRecord)
  /// What the model was evaluated to after some updates.
  case evaluated(EvaluationRecord)
  /// After this many updates the weights and the optimizer's state are to be kept; all events of the updates before
  /// have been emitted.
  case checkpointDue(updates: Int)
  /// Loss or gradient became infinite or not a number.
  case nonfinite(NonfiniteReport)
}

/// How a run ended.
public enum TrainingEnd: Equatable, Sendable {
  /// All steps are done.
  case finished
  /// It was asked to stop.
  case interrupted
  /// A loss or gradient was not finite, and the policy is to stop.
  case nonfinite(NonfiniteReport)
  /// One of the ``FailureRules`` held, or the loss scale is exhausted.
  case failed(TrainingFailure)
}

/// Where numbers first stopped being finite.
public struct NonfiniteReport: Equatable, Sendable, CustomStringConvertible {
  /// The step.
  public let step: Int
  /// Its loss.
  public let loss: Double
  /// The first operation, in the order of the forward pass, whose output is not finite, e.g. `decoder.layers.3.fc1`.
  public let operation: String?
  /// The first tensor, in the order of the backward pass, whose gradient is not finite.
  public let tensor: String?

  /// Creates a report.
  public init(step: Int, loss: Double, operation: String?, tensor: String?) {
    self.step = step
    self.loss = loss
    self.operation = operation
    self.tensor = tensor
  }

  /// One sentence.
  public var description: String {
    let places = [
      operation.map { "the first output that is not finite is \($0)'s" },
      tensor.map { "the first gradient that is not finite is \($0)'s" },
    ].compactMap(\.self).joined(separator: "; ")
    return "step \(step): loss \(loss.isNaN ? "not a number" : "\(loss)")"
      + (places.isEmpty ? "" : "; \(places)")
  }
}
