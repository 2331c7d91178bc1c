import Evaluation

/// How sentences become one sequence of tokens: what stands before them, between two, and after them.
public struct SequenceLayout: Equatable, Sendable {
  /// Tokens before the first sentence, such as RoBERTa's `<s>`.
  public var before: [Int32]
  /// Tokens between two sentences, such as `</s></s>`.
  public var between: [Int32]
  /// Tokens after the last sentence.
  public var after: [Int32]

  /// Creates a layout.
  public init(before: [Int32], between: [Int32], after: [Int32]) {
    (self.before, self.between, self.after) = (before, between, after)
  }

  /// Of models whose tokens are bytes: each sentence is a line behind the end of the line before, which no sentence holds.
  public static let bytes = SequenceLayout(before: [10], between: [10], after: [])

  /// Sequences of a set, each as long as a model takes at most: tokens are left out at the end of the longer sentence, one by one, as BERT's own
  /// code does (`_truncate_seq_pair`).
  ///
  /// - Returns: the sequences and how many of them were cut.
  /// - Throws: ``EvaluationError`` where an example has no answer, nothing in it, or there is no room for it.
  public func sequences(
    of set: ExampleSet<[Int32]>, limit: Int
  ) throws(EvaluationError) -> (sequences: [LabelledSequence], cutCount: Int) {
    var sequences: [LabelledSequence] = []
    var cutCount = 0
    for example in set.examples {
      let place = "\(set.path), line \(example.line)"
      guard let answer = example.answer else {
        throw EvaluationError(
          place, "has no label",
          advice: "Fine-tuning reads the splits train and dev, which have one on each line")
      }
      let marks = before.count + after.count + between.count * (example.sentences.count - 1)
      guard marks < limit || marks == limit && marks > 0 else {
        throw EvaluationError(place, "has no room in \(limit) tokens, of which \(marks) are marks")
      }
      var lengths = example.sentences.map(\.count)
      let length = lengths.reduce(0, +)
      guard marks + length > 0 else {
        throw EvaluationError(place, "has nothing in it that a model could read")
      }
      cut(&lengths, to: limit - marks)
      if lengths.reduce(0, +) < length { cutCount += 1 }
      let sentences = zip(example.sentences, lengths).map { Array($0.prefix($1)) }
      sequences.append(
        LabelledSequence(tokens: before + sentences.joined(separator: between) + after, answer: answer))
    }
    return (sequences, cutCount)
  }

  private func cut(_ lengths: inout [Int], to room: Int) {
    let excess = lengths.reduce(0, +) - room
    guard excess > 0 else { return }
    guard lengths.count == 2 else {
      lengths[0] -= excess
      return
    }
    // The longer one gives until both are equal, then they take turns, the second first.
    let first = min(lengths[0], max(room - lengths[1], (room + 1) / 2))
    lengths = [first, room - first]
  }
}

extension ExampleSet<String> {
  /// The same for a model whose tokens are bytes.
  public var bytes: ExampleSet<[Int32]> {
    ExampleSet<[Int32]>(
      task: task, path: path,
      examples: examples.map { example in
        Example(
          line: example.line, sentences: example.sentences.map { $0.utf8.map { Int32($0) } },
          answer: example.answer)
      }, skippedLines: skippedLines)
  }
}
