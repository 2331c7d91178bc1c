import Evaluation
import FileAccess
import FoundationEssentials
import Text

/// Our own files of a task's sentences: as text, which a tokenizer makes tokens of, and those tokens.
///
/// The first line says what it is, `{"nf_probe_sentences": 1, "task": "glue/sst-2"}`; of tokens also `"vocabulary_size"` and the marks `"before"`,
/// `"between"` and `"after"` sentences, lists of ids. Then a line an example: `line` of the task's file, `label` (null where it is not told),
/// `sentences`, one or two texts or lists of ids.
public enum SentenceFile {
  /// A set as a file.
  public static func text(of set: ExampleSet<String>) -> String {
    "{\"nf_probe_sentences\": \(version), \"task\": \(JSONText.string(set.task.argument))}\n"
      + set.examples.map { example in
        let sentences = example.sentences.map(JSONText.string).joined(separator: ", ")
        return
          "{\"line\": \(example.line), \"label\": \(label(example.answer)), \"sentences\": [\(sentences)]}\n"
      }.joined()
  }

  private static let version = 1

  private static func label(_ answer: Answer?) -> String {
    switch answer {
    case .classNumber(let number): "\(number)"
    case .score(let score): "\(score)"
    case nil: "null"
    }
  }

  /// What a file of tokens holds.
  public struct Content: Equatable, Sendable {
    /// The examples.
    public let set: ExampleSet<[Int32]>
    /// The tokenizer's marks.
    public let layout: SequenceLayout
    /// Tokens that the tokenizer knows.
    public let vocabularySize: Int
  }

  private struct Header: Decodable {
    let nf_probe_sentences: Int
    let task: String
    let vocabulary_size: Int?
    let before, between, after: [Int32]?
  }

  private struct Line: Decodable {
    let line: Int
    let label: Double?
    let sentences: [[Int32]]
  }

  /// Reads a file of tokens.
  /// - Throws: `FileAccessError`, or ``EvaluationError`` where it is none, damaged, or of another task.
  public static func read(_ path: String, task: GlueTask) throws -> Content {
    let file = try RandomAccessFile(path: path)
    let lines = try file.bytes(at: 0, count: file.byteCount).split(separator: 0x0A)
    guard let first = lines.first, let header = try? JSONDecoder().decode(Header.self, from: Data(first)),
      header.nf_probe_sentences == version
    else {
      throw EvaluationError(
        path, "does not say in its first line that it holds a task's sentences",
        advice: "python -m nf_probe.tasks writes such files")
    }
    guard header.task == task.argument else {
      throw EvaluationError(path, "is of \(header.task), not of \(task.argument)")
    }
    guard let size = header.vocabulary_size, let before = header.before, let between = header.between,
      let after = header.after
    else { throw EvaluationError(path, "holds text, not tokens") }
    let examples = try lines.dropFirst().enumerated().map { index, line in
      let place = "\(path), line \(index + 2)"
      guard let line = try? JSONDecoder().decode(Line.self, from: Data(line)),
        line.sentences.count == task.sentenceColumns.count
      else {
        throw EvaluationError(place, "is no example of \(task.title) with its sentences as lists of tokens")
      }
      return Example(
        line: line.line, sentences: line.sentences, answer: try line.label.map { try answer($0, task, place) }
      )
    }
    guard !examples.isEmpty else { throw EvaluationError(path, "has no examples") }
    let marks = before + between + after
    let tokens = [marks] + examples.flatMap(\.sentences)
    if let token = tokens.joined().first(where: { $0 < 0 || $0 >= size }) {
      throw EvaluationError(path, "has the token \(token), which a vocabulary of \(size) does not have")
    }
    return Content(
      set: ExampleSet(task: task, path: path, examples: examples),
      layout: SequenceLayout(before: before, between: between, after: after), vocabularySize: size)
  }

  private static func answer(
    _ label: Double, _ task: GlueTask, _ place: String
  ) throws(EvaluationError) -> Answer {
    guard let classes = task.classes else {
      guard (0...GlueTask.greatestScore).contains(label) else {
        throw EvaluationError(place, "has the score \(label); \(task.title)'s lie between 0 and 5")
      }
      return .score(label)
    }
    guard let number = Int(exactly: label), classes.indices.contains(number) else {
      throw EvaluationError(place, "has the label \(label); \(task.title) has \(classes.count) classes")
    }
    return .classNumber(number)
  }
}
