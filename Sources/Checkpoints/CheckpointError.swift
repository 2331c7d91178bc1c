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
    self.problem = problem
    self.advice = advice
  }

  /// `path: problem. Advice.`
  public var description: String { "\(path): \(problem)" + (advice.map { ". \($0)." } ?? "") }

  init(_ error: FileAccessError) { self.init(path: error.path, problem: error.problem) }
}
