import Corpus
import FileAccess

/// Something that cannot be evaluated: what is wrong, where, and what to do.
public struct EvaluationError: Error, Equatable, CustomStringConvertible {
  /// The file, or the part of it.
  public var subject: String
  /// What is wrong, as a clause.
  public var problem: String
  /// What to do about it, as a sentence without its full stop; nil where the problem says it all.
  public var advice: String?

  /// Creates an error.
  public init(_ subject: String, _ problem: String, advice: String? = nil) {
    self.subject = subject
    self.problem = problem
    self.advice = advice
  }

  /// `subject: problem. Advice.`
  public var description: String { "\(subject): \(problem)" + (advice.map { ". \($0)." } ?? "") }
}
