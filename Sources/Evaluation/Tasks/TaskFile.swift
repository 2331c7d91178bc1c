import FileAccess
import FoundationEssentials
import Text

/// Our own files of examples: prompts as text, which a tokenizer makes tokens of, and those tokens.
///
/// The first line says what it is, `{"nf_probe_task": 1, "kind": "prompts", "task": "piqa", "name": "PIQA", "shots": 0}`; of tokens also
/// `"vocabulary_size"`. Then a line an example: `id`, `label` (null where it is not told), `choices` with `context`, `completion` and `bytes`, and
/// `unconditional`. Contexts and completions are texts, or lists of token ids.
public enum TaskFile {
  /// What such a file holds.
  public enum Content: Equatable, Sendable {
    /// Prompts, for models whose tokens are bytes, or for a tokenizer.
    case prompts(TaskSet<String>)
    /// Tokens of a vocabulary of so many.
    case tokens(TaskSet<[Int32]>, vocabularySize: Int)
  }

  private static let version = 1

  /// The name of a file without folders and endings, which a task of no other name is called by.
  public static func stem(of path: String) -> String {
    String((path.split(separator: "/").last ?? Substring(path)).prefix { $0 != "." })
  }

  /// Whether a file is one of ours.
  public static func isOne(_ path: String) throws -> Bool {
    try TaskRecordReader(path: path).text().prefix(40).contains("\"nf_probe_task\"")
  }

  /// The prompts as a file.
  public static func text(of task: TaskSet<String>) -> String {
    let header =
      "{\"nf_probe_task\": \(version), \"kind\": \"prompts\", \"task\": \(JSONText.string(task.format.rawValue)), "
      + "\"name\": \(JSONText.string(task.name)), \"shots\": \(task.shots)}\n"
    return header
      + task.examples.map { example in
        let choices = example.choices.map {
          "{\"context\": \(JSONText.string($0.context)), \"completion\": \(JSONText.string($0.completion)), "
            + "\"bytes\": \($0.byteCount)}"
        }
        return
          "{\"id\": \(JSONText.string(example.id)), \"label\": \(example.label.map(String.init) ?? "null"), "
          + "\"choices\": [\(choices.joined(separator: ", "))], "
          + "\"unconditional\": \(JSONText.string(example.unconditional))}\n"
      }.joined()
  }

  /// Reads such a file.
  /// - Throws: `FileAccessError`, or ``EvaluationError`` where it is none, or damaged.
  public static func read(_ path: String) throws -> Content {
    let records = try TaskRecordReader(path: path).jsonRecords()
    guard let header = records.first, let format = header.word("task").flatMap(TaskFormat.init),
      let shots = header.word("shots").flatMap({ Int($0) })
    else { throw EvaluationError(path, "does not say in its first line which task it is") }
    guard header.word("nf_probe_task") == String(version) else {
      throw EvaluationError(path, "is of a later version of nf-probe's task files than this program knows")
    }
    guard records.count > 1 else { throw EvaluationError(path, "has no examples") }
    func task<Piece>(_ piece: (TaskRecord, JSONValue?) throws -> Piece) throws -> TaskSet<Piece> {
      TaskSet(
        name: header.word("name") ?? format.title, format: format, shots: shots,
        examples: try records.dropFirst().map { try example($0, piece) })
    }
    if let size = header.word("vocabulary_size").flatMap({ Int($0) }) {
      return .tokens(try task(tokens), vocabularySize: size)
    }
    return .prompts(
      try task { record, value in
        guard case .text(let text)? = value else { throw record.error("has a prompt that is no text") }
        return text
      })
  }

  private static func example<Piece>(
    _ record: TaskRecord, _ piece: (TaskRecord, JSONValue?) throws -> Piece
  ) throws -> TaskExample<Piece> {
    guard case .list(let list)? = record.fields["choices"], !list.isEmpty, let id = record.word("id") else {
      throw record.error("has no id and choices")
    }
    let choices = try list.map { element in
      guard case .fields(let fields) = element, case .number(let bytes)? = fields["bytes"], bytes >= 0,
        let count = Int(exactly: bytes)
      else { throw record.error("has a choice without context, completion and bytes") }
      return TaskExample<Piece>.Choice(
        context: try piece(record, fields["context"]), completion: try piece(record, fields["completion"]),
        byteCount: count)
    }
    let label = record.word("label").flatMap { Int($0) }
    guard label.map(choices.indices.contains) ?? (record.word("label") == nil) else {
      throw record.error("has the label \(record.word("label") ?? ""), and \(choices.count) answers")
    }
    return TaskExample(
      id: id, label: label, choices: choices, unconditional: try piece(record, record.fields["unconditional"])
    )
  }

  private static func tokens(_ record: TaskRecord, _ value: JSONValue?) throws -> [Int32] {
    guard case .list(let list)? = value else { throw record.error("has a prompt that is no list of tokens") }
    return try list.map { element in
      guard case .number(let number) = element, let token = Int32(exactly: number), token >= 0 else {
        throw record.error("has a token that is no id")
      }
      return token
    }
  }
}
