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
