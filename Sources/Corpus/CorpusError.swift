import FileAccess

/// A corpus that cannot be used: what is wrong, where, and what to do.
public struct CorpusError: Error, Equatable, CustomStringConvertible {
  /// The corpus: a path, or `built-in language`.
  public var corpus: String
  /// What is wrong and where, as a clause.
  public var problem: String
  /// What to do about it, as a sentence without its full stop; nil where the problem says it all.
  public var advice: String?

  /// Creates an error.
  public init(corpus: String, problem: String, advice: String? = nil) {
    self.corpus = corpus
    self.problem = problem
    self.advice = advice
  }

  /// `corpus: problem. Advice.`
  public var description: String {
    "\(corpus): \(problem)" + (advice.map { ". \($0)." } ?? "")
  }

  init(_ error: FileAccessError) {
    self.init(corpus: error.path, problem: error.problem)
    if error.reason == .changed { advice = "Start again with a file that nothing writes to" }
  }
}

/// Runs `body` and turns its file errors into corpus errors.
func reading<Value>(_ body: () throws(FileAccessError) -> Value) throws(CorpusError) -> Value {
  do {
    return try body()
  } catch {
    throw CorpusError(error)
  }
}
