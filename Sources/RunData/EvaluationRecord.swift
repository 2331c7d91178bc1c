import RealModule

/// A text or task that a run is evaluated on while it trains: what its numbers are divided by. Counts are the same at every evaluation.
public struct EvaluationLayout: Equatable, Sendable {
  /// What it is called.
  public var name: String
  /// Tokens that are asked for; of a task those of the right answers.
  public var tokenCount: Int
  /// Words of a text as WikiText counts them; 0 where that is not known, and of a task.
  public var wordCount: Int
  /// Bytes of a text, or of a task's right answers; 0 where that is not known.
  public var byteCount: Int
  /// Examples of a task that have a label; 0 of a text.
  public var exampleCount: Int

  /// Creates a description.
  public init(name: String, tokenCount: Int, wordCount: Int = 0, byteCount: Int = 0, exampleCount: Int = 0) {
    self.name = name
    self.tokenCount = tokenCount
    self.wordCount = wordCount
    self.byteCount = byteCount
    self.exampleCount = exampleCount
  }

  /// Whether examples are answered, rather than a text read.
  public var isTask: Bool { exampleCount > 0 }

  /// What a loss is divided by.
  public enum Unit: String, Sendable, CaseIterable {
    case token, word, byte
  }

  /// The loss by a unit, nats, from the mean by token; nil where nobody knows how many there are.
  public func loss(_ perToken: Double, by unit: Unit) -> Double? {
    let count =
      switch unit {
      case .token: tokenCount
      case .word: wordCount
      case .byte: byteCount
      }
    guard count > 0 else { return nil }
    return unit == .token ? perToken : perToken * Double(tokenCount) / Double(count)
  }

  /// The loss of a text in bits by byte, which is what the model would compress it to; nil of a task, and where bytes are not known.
  public func bitsPerByte(_ perToken: Double) -> Double? {
    isTask ? nil : loss(perToken, by: .byte).map { $0 / Double.log(2) }
  }

  /// e to the loss by a unit.
  public func perplexity(_ perToken: Double, by unit: Unit) -> Double? {
    loss(perToken, by: unit).map { Double.exp($0) }
  }
}

/// What a model in training says of every text and task that its run is evaluated on.
public struct EvaluationRecord: Equatable, Sendable {
  /// Optimizer updates made so far.
  public var step: Int
  /// Mean negative log-likelihood of the tokens that were asked for, of a task those of the right answers, nats; in the manifest's order.
  public var losses: [Double]
  /// The share of a task's examples that is answered rightly; not a number of a text.
  public var accuracies: [Double]

  /// Creates a record.
  public init(step: Int, losses: [Double], accuracies: [Double]) {
    self.step = step
    self.losses = losses
    self.accuracies = accuracies
  }
}
