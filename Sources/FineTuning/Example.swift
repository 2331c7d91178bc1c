/// What is right of an example.
public enum Answer: Equatable, Sendable {
  /// A class, from 0.
  case classNumber(Int)
  /// A number.
  case score(Double)
}

/// A sentence or a pair of them, as text or as tokens, with the right answer.
public struct Example<Piece: Equatable & Sendable>: Equatable, Sendable {
  /// Its line in the file, from 1.
  public var line: Int
  /// One sentence, or two.
  public var sentences: [Piece]
  /// The right answer; nil where it is not told, as in test splits.
  public var answer: Answer?

  /// Creates an example.
  public init(line: Int, sentences: [Piece], answer: Answer?) {
    (self.line, self.sentences, self.answer) = (line, sentences, answer)
  }
}

/// The examples of a split.
public struct ExampleSet<Piece: Equatable & Sendable>: Equatable, Sendable {
  /// The task.
  public var task: GlueTask
  /// The file.
  public var path: String
  /// Its examples.
  public var examples: [Example<Piece>]
  /// Lines that were left out because they have too few columns.
  public var skippedLines: Int

  /// Creates a set.
  public init(task: GlueTask, path: String, examples: [Example<Piece>], skippedLines: Int = 0) {
    (self.task, self.path, self.examples, self.skippedLines) = (task, path, examples, skippedLines)
  }
}

/// An example as a model reads it.
public struct LabelledSequence: Equatable, Sendable {
  /// Its tokens; one at least.
  public var tokens: [Int32]
  /// The right answer.
  public var answer: Answer

  /// Creates a sequence.
  public init(tokens: [Int32], answer: Answer) { (self.tokens, self.answer) = (tokens, answer) }
}
