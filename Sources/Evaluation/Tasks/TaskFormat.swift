/// How a task's files are laid out, as it is distributed.
public enum TaskFormat: String, CaseIterable, Sendable {
  case hellaswag, piqa, winogrande, openbookqa, storycloze, lambada
  /// Our own, for any other task: lines of JSON with `context`, `choices`, `label`.
  case multipleChoice = "multiple-choice"

  /// What its authors call it.
  public var title: String {
    switch self {
    case .hellaswag: "HellaSwag"
    case .piqa: "PIQA"
    case .winogrande: "WinoGrande"
    case .openbookqa: "OpenBookQA"
    case .storycloze: "StoryCloze"
    case .lambada: "LAMBADA"
    case .multipleChoice: "multiple choice"
    }
  }

  /// How Brown et al. (2020), section 2.4, score it: by the mean over an answer's tokens, and OpenBookQA against the answer's own likelihood.
  public var usualScoring: TaskScoring {
    switch self {
    case .openbookqa: .unconditional
    // Both answers have the same words behind the blank: a mean would order them as the sum does.
    case .winogrande: .sum
    case .lambada: .greedy
    default: .perToken
    }
  }

  /// The ways in which its answers are compared.
  var scorings: [TaskScoring] {
    switch self {
    case .lambada: [.greedy]
    case .winogrande: [.sum]
    default: [.sum, .perToken, .perByte, .unconditional]
    }
  }

  /// Whether the model has to say the answer rather than choose one.
  var isOpen: Bool { self == .lambada }

  /// Fields by which a file of this task is known.
  var fields: [String] {
    switch self {
    case .hellaswag: ["activity_label", "ctx_a", "ctx_b", "endings"]
    case .piqa: ["goal", "sol1", "sol2"]
    case .winogrande: ["sentence", "option1", "option2"]
    case .openbookqa: ["question"]
    case .storycloze:
      (1...4).map { "InputSentence\($0)" } + ["RandomFifthSentenceQuiz1", "RandomFifthSentenceQuiz2"]
    case .lambada: ["text"]
    case .multipleChoice: ["context", "choices"]
    }
  }

  /// Where its examples say which answer is right.
  var labelField: String? {
    switch self {
    case .hellaswag, .multipleChoice: "label"
    case .piqa: "label"
    case .winogrande: "answer"
    case .openbookqa: "answerKey"
    case .storycloze: "AnswerRightEnding"
    case .lambada: nil
    }
  }

  /// Whether its labels may be in a file of their own.
  public var mayHaveLabelsApart: Bool { self == .piqa || self == .winogrande }

  /// What the first answer is called where answers are counted.
  var firstLabel: Int { self == .winogrande || self == .storycloze ? 1 : 0 }
}

/// How answers are compared: the highest score wins.
public enum TaskScoring: String, CaseIterable, Sendable {
  /// log P(answer | context).
  case sum
  /// The same by the answer's tokens.
  case perToken = "per-token"
  /// The same by the answer's bytes: independent of the tokenizer.
  case perByte = "per-byte"
  /// log P(answer | context) - log P(answer | "Answer:").
  case unconditional
  /// Whether each token of the answer is the likeliest.
  case greedy
}
