import Architecture

/// A part of a training step, for the clock.
public enum StepPart: String, Sendable, CaseIterable {
  /// Reading tokens.
  case data
  /// Linear maps and the head, forward and backward, their biases included.
  case products = "matrix products"
  /// Scores, softmax and weighted sums of attention.
  case attention
  /// Norms.
  case normalization
  /// Activations, residuals, learned scales, dropout, embeddings.
  case elementwise
  /// Softmax over the vocabulary, loss and its gradient.
  case loss
  /// Sums over the gradients, and what is done with them.
  case recording
  /// AdamW.
  case optimizer
}

/// Adds up where the time of training steps goes.
public final class StepClock {
  /// Seconds by part since the last reset.
  public private(set) var seconds: [StepPart: Double] = [:]
  private let clock = ContinuousClock()

  /// Starts at zero.
  public init() {}

  /// Forgets what was measured.
  public func reset() { seconds = [:] }

  /// Runs `body` and adds its time to a part.
  public func measure<Result, Failure: Error>(
    _ part: StepPart, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let start = clock.now
    defer { seconds[part, default: 0] += start.duration(to: clock.now) / .seconds(1) }
    return try body()
  }
}

extension Optional where Wrapped == StepClock {
  /// Runs `body`, timed where there is a clock.
  @inline(__always)
  public func measure<Result, Failure: Error>(
    _ part: StepPart, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if let self { try self.measure(part, body) } else { try body() }
  }
}

extension Step {
  /// What a step's time counts as.
  var part: StepPart {
    switch self {
    case .norm, .dynamicTanh: .normalization
    case .linear: .products
    case .attention: .attention
    case .rotary, .headScale, .constantScale, .activation, .gated, .dropout, .add: .elementwise
    }
  }
}
