import FileAccess

/// A checkpoint that cannot be read, written or used: what is wrong, where, and what to do.
public struct CheckpointError: Error, Equatable, CustomStringConvertible {
  /// The file as the caller named it.
  public var path: String
  /// What is wrong and where, as a clause.
  public var problem: String
  /// What to do about it, as a sentence without its full stop; nil where the problem says it all.
  public var advice: String?

  /// Creates an error.
  public init(path: String, problem: String, advice: String? = nil) {
    self.path = path
    self.problem = Self.printable(problem)
    self.advice = advice
  }

  /// Names come out of files: what would move a terminal's cursor is shown as its code.
  private static func printable(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { printable, scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        printable += "\\u{\(String(scalar.value, radix: 16))}"
      default: printable.unicodeScalars.append(scalar)
      }
    }
  }

  /// `path: problem. Advice.`
  public var description: String { "\(path): \(problem)" + (advice.map { ". \($0)." } ?? "") }

  init(_ error: FileAccessError) { self.init(path: error.path, problem: error.problem) }
}
