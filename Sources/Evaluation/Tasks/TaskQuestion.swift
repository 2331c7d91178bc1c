import Transformer

/// A task's answers as sequences for a model.
public struct TaskQuestion: Sendable {
  private let sequences: AnswerSequences
  /// Answers that a model reads together.
  private let groups: [[AnswerPlace]]
  /// What they take, group by group.
  public let sizes: [SequenceGroup.Size]

  /// - Parameters:
  ///   - startToken: put before each context where not nil.
  ///   - limit: tokens that a model can take; contexts that are longer lose their beginning where `truncates`.
  ///   - scoring: the one that is wanted, so that what only others read is not asked for; nil for all that the task has.
  /// - Throws: ``EvaluationError`` where an answer does not fit, or a context has nothing in it.
  public init(
    _ task: TaskSet<[Int32]>, startToken: Int32?, limit: Int?, truncates: Bool, scoring: TaskScoring? = nil
  ) throws(EvaluationError) {
    sequences = AnswerSequences(task: task, startToken: startToken, limit: limit)
    let asksUnconditional = (scoring.map { [$0] } ?? task.format.scorings).contains(.unconditional)
    var groups: [[AnswerPlace]] = []
    for (index, example) in task.examples.enumerated() {
      for isUnconditional in asksUnconditional ? [false, true] : [false] {
        let places = example.choices.indices.filter { !example.choices[$0].completion.isEmpty }.map {
          AnswerPlace(example: index, choice: $0, isUnconditional: isUnconditional)
        }
        for place in places { try Self.check(place, of: sequences, truncates: truncates) }
        if !places.isEmpty { groups += sequences.grouped(places) }
      }
    }
    guard !groups.isEmpty else { throw EvaluationError(task.name, "has no answer with anything in it") }
    self.groups = groups
    sizes = groups.map { [sequences] in SequenceGroup($0.map(sequences.sequence)).size }
  }

  private static func check(
    _ place: AnswerPlace, of sequences: AnswerSequences, truncates: Bool
  ) throws(EvaluationError) {
    let name = "\(sequences.task.name), example \(sequences.task.examples[place.example].id)"
    let (context, completion) = (sequences.context(place).count, sequences.completion(place).count)
    guard context > 0 else {
      throw EvaluationError(
        name, "has a context with nothing in it",
        advice: "Give --start-token, which then stands before the answer")
    }
    let length = context + completion - 1
    guard let limit = sequences.limit, truncates ? completion > limit : length > limit else { return }
    throw EvaluationError(
      name, "takes \(length) tokens, more than the \(limit) that a model here can take",
      advice: truncates ? nil : "--truncate leaves out the beginning of such contexts")
  }

  fileprivate func scores(by evaluator: Evaluator, progress: (Double) throws -> Void) rethrows -> TaskScores {
    var choices = sequences.task.examples.map { example in
      example.choices.map { TaskScores.Choice(tokenCount: $0.completion.count, byteCount: $0.byteCount) }
    }
    try evaluator.evaluate(
      sizes: sizes, group: { SequenceGroup(groups[$0].map(sequences.sequence)) },
      each: { group, branch, answers in
        let place = groups[group][branch]
        let logLikelihood = -answers.reduce(0) { $0 + $1.loss }
        if place.isUnconditional {
          choices[place.example][place.choice].unconditional = logLikelihood
        } else {
          choices[place.example][place.choice].logLikelihood = logLikelihood
          choices[place.example][place.choice].isGreedy = answers.allSatisfy(\.isLikeliest)
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
