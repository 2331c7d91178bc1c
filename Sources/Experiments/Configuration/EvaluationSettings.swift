import Evaluation

/// On what a run is evaluated while it trains, and when.
public struct EvaluationSettings: Equatable, Sendable {
  /// When; nil where it is at the end alone, if there is something to evaluate on, else never.
  public var evaluate: EvaluationTimes?
  /// Texts; nil for none.
  public var texts: [EvaluatedText]?
  /// Tasks; nil for none.
  public var tasks: EvaluatedTasks?
  /// Tokens that the model sees at most; nil for the training sequence's.
  public var context: Int?
  /// Tokens from one window of a text to the next; nil for windows that do not overlap.
  public var stride: Int?

  /// Every setting.
  static let keys: [ConfigurationKey<Self>] = [
    .optional("evaluate", \.evaluate, called: "every:n"),
    .optional("evaluate-text", \.texts, called: "files"),
    .optional("evaluate-task", \.tasks, called: "format=file"),
    .optional("evaluate-context", \.context, called: "n"),
    .optional("evaluate-stride", \.stride, called: "n"),
  ]

  /// No evaluation.
  public init() {}

  /// Whether anything is evaluated.
  package var isOn: Bool { evaluate != nil || texts != nil || tasks != nil }

  /// Refuses values that are out of range, or contradict each other.
  public func validate() throws(ExperimentError) {
    for (name, value) in [("evaluate-context", context), ("evaluate-stride", stride)] {
      guard let value else { continue }
      guard isOn else {
        throw .refused(
          "\(setting: name) is of evaluations: say on what with \(setting: "evaluate-text") or \(setting: "evaluate-task")"
        )
      }
      guard value >= 1 else { throw .refused("\(setting: name) must be at least 1, not \(value)") }
    }
    if let context, let stride, stride > context {
      throw .refused(
        "\(setting: "evaluate-stride") \(stride) above \(setting: "evaluate-context") \(context) would leave tokens out"
      )
    }
  }
}

/// When a run is evaluated: `every:N` for every N-th update and the last one, `end` for the last one alone.
public enum EvaluationTimes: Hashable, SettingValue, CustomStringConvertible {
  case every(Int)
  case end

  /// Reads a text; nil for anything else, and for an N below 1.
  public init?(setting text: String) {
    if text == "end" {
      self = .end
    } else {
      guard text.hasPrefix("every:"), let count = Int(text.dropFirst("every:".count)), count > 0 else {
        return nil
      }
      self = .every(count)
    }
  }

  /// As it is given.
  public var description: String {
    switch self {
    case .every(let count): "every:\(count)"
    case .end: "end"
    }
  }

  /// Updates between two; nil for the end alone.
  var interval: Int? { if case .every(let count) = self { count } else { nil } }
}

/// A text to evaluate on: a file, or `TOKENS=TEXT`, a token file and the text that it was made of, whose words and bytes are counted.
public struct EvaluatedText: Hashable, SettingValue, CustomStringConvertible {
  /// The text or token file.
  public let path: String
  /// The text that the tokens were made of; nil where that is not given.
  public let original: String?

  /// Reads one or two paths; nil for more, or for nothing.
  public init?(setting text: String) {
    let paths = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(paths.count), !paths.contains("") else { return nil }
    (path, original) = (paths[0], paths.count == 2 ? paths[1] : nil)
  }

  var paths: [String] { [path] + [original].compactMap(\.self) }

  /// As it is given.
  public var description: String { paths.joined(separator: "=") }

  /// The same without folders: what a run says of it.
  var fileNames: String { paths.map(fileName).joined(separator: "=") }

  /// The same with its files in a folder.
  func within(_ folder: String) -> Self {
    Self(path: "\(folder)/\(path)", original: original.map { "\(folder)/\($0)" })
  }

  private init(path: String, original: String?) { (self.path, self.original) = (path, original) }
}

/// Tasks to evaluate on: `FORMAT=FILE` for each, with commas between them; labels that are in a file of their own follow theirs behind a
/// comma. A file of tokens that says itself what it is has no format; where it could be taken for labels it comes first.
public struct EvaluatedTasks: Hashable, SettingValue, CustomStringConvertible {
  /// One task.
  public struct Entry: Hashable, Sendable {
    /// How its file is laid out; nil for one of our own, which says so itself.
    public let format: TaskFormat?
    /// Its file.
    public var path: String
    /// A file with one label a line; nil where labels are in the file itself.
    public var labels: String?

    var paths: [String] { [path] + [labels].compactMap(\.self) }
  }

  /// The tasks, in order.
  public private(set) var entries: [Entry]

  /// Reads the list; nil where a format is not known, or a path is empty.
  public init?(setting text: String) {
    var entries: [Entry] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard !parts.contains("") else { return nil }
      if parts.count == 2 {
        guard let format = TaskFormat(rawValue: parts[0]) else { return nil }
        entries.append(Entry(format: format, path: parts[1]))
      } else if let last = entries.last, last.format?.mayHaveLabelsApart == true, last.labels == nil {
        entries[entries.count - 1].labels = parts[0]
      } else {
        entries.append(Entry(format: nil, path: parts[0]))
      }
    }
    guard !entries.isEmpty else { return nil }
    self.entries = entries
  }

  /// As it is given.
  public var description: String { list { $0 } }

  /// The same without folders: what a run says of it.
  var fileNames: String { list(fileName) }

  /// The same with their files in a folder.
  func within(_ folder: String) -> Self {
    var moved = self
    moved.entries = entries.map {
      Entry(format: $0.format, path: "\(folder)/\($0.path)", labels: $0.labels.map { "\(folder)/\($0)" })
    }
    return moved
  }

  private func list(_ shown: (String) -> String) -> String {
    entries.map { entry in
      (entry.format.map { "\($0.rawValue)=" } ?? "") + entry.paths.map(shown).joined(separator: ",")
    }.joined(separator: ",")
  }
}

private func fileName(_ path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
}
