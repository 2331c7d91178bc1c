/// Texts and tasks that models are evaluated on again and again, such as one in training: opened once, with what each number is divided by.
public struct EvaluationSet: Sendable {
  /// A text or a task.
  public struct Part: Sendable {
    fileprivate enum Content: Sendable {
      case text(HeldOutText, TextQuestion)
      case task(TaskSet<[Int32]>, TaskQuestion)
    }

    /// What it is called.
    public var name: String
    fileprivate let content: Content

    /// A text, put to models in windows.
    /// - Throws: ``EvaluationError`` where it has nothing to predict.
    public init(_ text: HeldOutText, _ question: TextQuestion) throws(EvaluationError) {
      guard !question.sizes(over: text).isEmpty else {
        throw EvaluationError(text.name, "has one token, and nothing that follows it")
      }
      (name, content) = (text.name, .text(text, question))
    }

    /// A task, scored as is usual; contexts that are longer than `limit` tokens lose their beginning.
    /// - Throws: ``EvaluationError`` where an answer does not fit, or none is known to be right.
    public init(_ task: TaskSet<[Int32]>, limit: Int) throws(EvaluationError) {
      guard task.examples.contains(where: { $0.label != nil }) else {
        throw EvaluationError(
          task.name, "does not say which answers are right", advice: "Give a split that has labels")
      }
      let question = try TaskQuestion(
        task, startToken: nil, limit: limit, truncates: true, scoring: task.format.usualScoring)
      (name, content) = (task.name, .task(task, question))
    }

    /// What the sequences that a model gets take.
    public var sizes: [SequenceGroup.Size] {
      switch content {
      case .text(let text, let question): question.sizes(over: text)
      case .task(_, let question): question.sizes
      }
    }

    /// Tokens that are asked for; of a task those of the right answers.
    public var tokenCount: Int {
      switch content {
      case .text(let text, let question): question.askedCount(of: text)
      case .task(let task, _): task.rightAnswers.reduce(0) { $0 + $1.completion.count }
      }
    }

    /// Words of a text; 0 where that is not known, and of a task.
    public var wordCount: Int {
      switch content {
      case .text(let text, _): Int((text.total(.word) ?? 0).rounded())
      case .task: 0
      }
    }

    /// Bytes of a text or of a task's right answers; 0 where that is not known.
    public var byteCount: Int {
      switch content {
      case .text(let text, _): Int((text.total(.byte) ?? 0).rounded())
      case .task(let task, _): task.rightAnswers.reduce(0) { $0 + $1.byteCount }
      }
    }

    /// Examples whose answer is known; 0 of a text.
    public var exampleCount: Int {
      switch content {
      case .text: 0
      case .task(let task, _): task.rightAnswers.count
      }
    }
  }

  /// What a model says of one of them.
  public struct Score: Equatable, Sendable {
    /// Mean negative log-likelihood of the tokens that were asked for, of a task those of the right answers, nats.
    public let loss: Double
    /// The share of a task's examples that is answered rightly; not a number of a text.
    public let accuracy: Double
  }

  /// The texts and tasks.
  public let parts: [Part]

  /// Creates a set.
  /// - Precondition: there is one part at least.
  public init(_ parts: [Part]) {
    precondition(!parts.isEmpty, "nothing to evaluate on")
    self.parts = parts
  }

  /// What all sequences that a model gets take.
  public var sizes: [SequenceGroup.Size] { parts.flatMap(\.sizes) }
}

extension Evaluator {
  /// What the model says of each text and task, in order.
  /// - Precondition: its vocabulary holds all tokens, and its shape the sequences.
  public func scores(of set: EvaluationSet) -> [EvaluationSet.Score] {
    set.parts.map { part in
      switch part.content {
      case .text(let text, let question):
        let losses = losses(of: text, question) { _ in }
        let loss = losses.losses.reduce(0, +) / Double(losses.askedCount)
        return EvaluationSet.Score(loss: loss, accuracy: .nan)
      case .task(let task, let question):
        let scores = scores(question) { _ in }
        return EvaluationSet.Score(loss: scores.rightLoss(of: task), accuracy: scores.accuracy(on: task))
      }
    }
  }
}

extension TextQuestion {
  /// Tokens that are asked for, each once: all but the first of each stretch, and that too behind a start token.
  func askedCount(of text: HeldOutText) -> Int {
    windows(over: text).reduce(0) { $0 + $1.count - $1.firstCounted }
  }
}

extension TaskSet {
  /// The right answers, of the examples that say which one is.
  fileprivate var rightAnswers: [TaskExample<Piece>.Choice] {
    examples.compactMap { example in example.label.map { example.choices[$0] } }
  }
}

extension TaskScores {
  /// The share of the examples with a label that is answered rightly, as the task is usually scored.
  func accuracy(on task: TaskSet<[Int32]>) -> Double {
    let outcomes = task.examples.indices.compactMap { index in
      task.examples[index].label.map { isRight(index, label: $0, task.format.usualScoring) }
    }
    return Double(outcomes.count(where: \.self)) / Double(outcomes.count)
  }

  /// Mean negative log-likelihood of the right answers' tokens, nats.
  func rightLoss(of task: TaskSet<[Int32]>) -> Double {
    let right = task.examples.indices.compactMap { index in
      task.examples[index].label.map { choices[index][$0] }
    }
    return -right.reduce(0) { $0 + $1.logLikelihood } / Double(right.reduce(0) { $0 + $1.tokenCount })
  }
}
