/// One question with its answers, as text or as tokens.
public struct TaskExample<Piece: Equatable & Sendable>: Equatable, Sendable {
  /// One answer: what the model is given, and what it is asked for the likelihood of.
  public struct Choice: Equatable, Sendable {
    /// What stands before; of most tasks the same for all answers.
    public var context: Piece
    /// What is scored.
    public var completion: Piece
    /// Bytes of the completion in UTF-8, a space in front not counted.
    public var byteCount: Int

    /// Creates an answer.
    public init(context: Piece, completion: Piece, byteCount: Int) {
      (self.context, self.completion, self.byteCount) = (context, completion, byteCount)
    }
  }

  /// What it is called: the file's own name for it, or its line.
  public var id: String
  /// The right answer, from 0; nil where it is not told, as in test splits.
  public var label: Int?
  /// The answers.
  public var choices: [Choice]
  /// A context that says nothing of the question, for the likelihood that an answer has on its own.
  public var unconditional: Piece

  /// Creates an example.
  public init(id: String, label: Int?, choices: [Choice], unconditional: Piece) {
    (self.id, self.label, self.choices, self.unconditional) = (id, label, choices, unconditional)
  }
}

/// Examples as text.
public typealias TaskPrompt = TaskExample<String>
/// Examples as a model reads them.
public typealias TokenisedExample = TaskExample<[Int32]>

/// A task's examples, of text or of tokens.
public struct TaskSet<Piece: Equatable & Sendable>: Equatable, Sendable {
  /// What tables call it.
  public var name: String
  /// The format that it was distributed in, which says how it is scored.
  public var format: TaskFormat
  /// Examples that stand before each, with their answers.
  public var shots: Int
  /// Its examples.
  public var examples: [TaskExample<Piece>]

  /// Creates a task.
  public init(name: String, format: TaskFormat, shots: Int = 0, examples: [TaskExample<Piece>]) {
    (self.name, self.format, self.shots, self.examples) = (name, format, shots, examples)
  }
}

extension TaskSet<String> {
  /// The same for a model whose tokens are bytes.
  public var bytes: TaskSet<[Int32]> {
    func tokens(_ text: String) -> [Int32] { text.utf8.map { Int32($0) } }
    return TaskSet<[Int32]>(
      name: name, format: format, shots: shots,
      examples: examples.map { example in
        TokenisedExample(
          id: example.id, label: example.label,
          choices: example.choices.map {
            .init(context: tokens($0.context), completion: tokens($0.completion), byteCount: $0.byteCount)
          }, unconditional: tokens(example.unconditional))
      })
  }
}
