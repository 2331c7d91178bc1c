/// A file that could not be read or written, with the reason that the system gave.
public struct FileAccessError: Error, Equatable, CustomStringConvertible {
  /// What went wrong, for callers that react to it.
  public enum Reason: Equatable, Sendable {
    /// Nothing has this name.
    case missing
    /// A folder, device, pipe or socket.
    case notARegularFile
    /// Permission denied.
    case notPermitted
    /// The file's size or modification time differs from when it was opened.
    case changed
    /// The bytes asked for lie beyond the end.
    case beyondEnd
    /// Something has this name already.
    case exists
    /// No space is left on the device.
    case full
    /// Any other error of the system, by its `errno`.
    case system(Int32)
  }

  /// The file as the caller named it.
  public var path: String
  /// What went wrong.
  public var reason: Reason
  /// One clause for a person, without the path.
  public var problem: String

  /// Creates an error.
  public init(path: String, reason: Reason, problem: String) {
    self.path = path
    self.reason = reason
    self.problem = problem
  }

  /// `path: problem`.
  public var description: String { "\(path): \(problem)" }
}
