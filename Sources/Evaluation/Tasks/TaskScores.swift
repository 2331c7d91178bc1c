import Transformer

/// What a model says of a task's answers.
public struct TaskScores: Equatable, Sendable {
  /// One answer.
  public struct Choice: Equatable, Sendable {
    /// log P(answer | context), nats.
    public var logLikelihood = 0.0
    /// log P(answer | "Answer:"), nats; not a number where it was not asked for.
    public var unconditional = Double.nan
    /// Whether each of its tokens was the likeliest.
    public var isGreedy = true
    /// Its tokens; 0 of an answer with nothing in it, which is never chosen.
    public var tokenCount: Int
    /// Its bytes.
    public var byteCount: Int

    /// What the answers are compared by; nil of an answer with nothing in it.
    func score(_ scoring: TaskScoring) -> Double? {
      guard tokenCount > 0 else { return nil }
      switch scoring {
      case .sum: return logLikelihood
      case .perToken: return logLikelihood / Double(tokenCount)
      case .perByte: return byteCount > 0 ? logLikelihood / Double(byteCount) : nil
      case .unconditional: return logLikelihood - unconditional
      case .greedy: return isGreedy ? 1 : 0
      }
    }
  }

  /// The answers of each example.
  public let choices: [[Choice]]

  /// The answer with the highest score, of equal ones the first; nil where none has one, or one is not a number.
  func choice(of example: Int, _ scoring: TaskScoring) -> Int? {
    let scores = choices[example].map { $0.score(scoring) }
    guard !scores.contains(where: { $0?.isNaN == true }) else { return nil }
    return scores.indices.filter { scores[$0] != nil }.max { (scores[$0] ?? 0, -$0) < (scores[$1] ?? 0, -$1) }
  }

  /// Whether an example is answered rightly: the chosen answer is the label's, or said without being asked to choose.
  func isRight(_ example: Int, label: Int, _ scoring: TaskScoring) -> Bool {
    scoring == .greedy
      ? choices[example][label].isGreedy && choices[example][label].tokenCount > 0
      : choice(of: example, scoring) == label
  }
}

/// A task's answers as sequences for a model.
public struct TaskQuestion: Sendable {
  /// Where a sequence's losses go.
  private struct Place {
    let example: Int
    let choice: Int
    let isUnconditional: Bool
  }

  private let task: TaskSet<[Int32]>
  private let startToken: Int32?
  private let limit: Int?
  private let places: [Place]

  /// - Parameters:
  ///   - startToken: put before each context where not nil.
  ///   - limit: tokens that a model can take; contexts that are longer lose their beginning where `truncates`.
  ///   - scoring: the one that is wanted, so that what only others read is not asked for; nil for all that the task has.
  /// - Throws: ``EvaluationError`` where an answer does not fit, or a context has nothing in it.
  public init(
    _ task: TaskSet<[Int32]>, startToken: Int32?, limit: Int?, truncates: Bool, scoring: TaskScoring? = nil
  ) throws(EvaluationError) {
    (self.task, self.startToken, self.limit) = (task, startToken, limit)
    let asksUnconditional = (scoring.map { [$0] } ?? task.format.scorings).contains(.unconditional)
    var places: [Place] = []
    for (index, example) in task.examples.enumerated() {
      for (number, choice) in example.choices.enumerated() where !choice.completion.isEmpty {
        for (context, isUnconditional) in [(choice.context, false), (example.unconditional, true)]
        where asksUnconditional || !isUnconditional {
          let count = context.count + (startToken == nil ? 0 : 1)
          guard count > 0 else {
            throw EvaluationError(
              "\(task.name), example \(example.id)", "has a context with nothing in it",
              advice: "Give --start-token, which then stands before the answer")
          }
          let length = count + choice.completion.count - 1
          if let limit, truncates ? choice.completion.count > limit : length > limit {
            throw EvaluationError(
              "\(task.name), example \(example.id)",
              "takes \(length) tokens, more than the \(limit) that a model here can take",
              advice: truncates ? nil : "--truncate leaves out the beginning of such contexts")
          }
          places.append(Place(example: index, choice: number, isUnconditional: isUnconditional))
        }
      }
    }
    guard !places.isEmpty else { throw EvaluationError(task.name, "has no answer with anything in it") }
    self.places = places
  }

  /// Lengths of the sequences that a model gets.
  public var lengths: [Int] { places.map { sequence($0).inputs.count } }

  /// The context and all of the answer but its last token, which is only asked for.
  private func sequence(_ place: Place) -> TokenSequence {
    let example = task.examples[place.example]
    let choice = example.choices[place.choice]
    let context =
      (startToken.map { [$0] } ?? []) + (place.isUnconditional ? example.unconditional : choice.context)
    var inputs = context + choice.completion.dropLast()
    if let limit, inputs.count > limit { inputs.removeFirst(inputs.count - limit) }
    let notAsked = Array(repeating: TokenSequence.notAsked, count: inputs.count - choice.completion.count)
    return TokenSequence(inputs: inputs, targets: notAsked + choice.completion)
  }

  fileprivate func scores(
    by evaluator: Evaluator, progress: (Double) throws -> Void
  ) rethrows -> TaskScores {
    var choices = task.examples.map { example in
      example.choices.map { TaskScores.Choice(tokenCount: $0.completion.count, byteCount: $0.byteCount) }
    }
    try evaluator.evaluate(
      lengths: lengths, sequence: { sequence(places[$0]) },
      each: { index, sequence, answers in
        let place = places[index]
        let asked = zip(answers, sequence.targets).filter { $1 >= 0 }.map(\.0)
        let logLikelihood = -asked.reduce(0) { $0 + $1.loss }
        if place.isUnconditional {
          choices[place.example][place.choice].unconditional = logLikelihood
        } else {
          choices[place.example][place.choice].logLikelihood = logLikelihood
          choices[place.example][place.choice].isGreedy = asked.allSatisfy(\.isLikeliest)
        }
      }, progress: progress)
    return TaskScores(choices: choices)
  }
}

extension Evaluator {
  /// The likelihoods of a task's answers.
  /// - Precondition: the model's vocabulary holds all tokens, and its shape the sequences.
  public func scores(_ question: TaskQuestion, progress: (Double) throws -> Void) rethrows -> TaskScores {
    try question.scores(by: self, progress: progress)
  }
}
