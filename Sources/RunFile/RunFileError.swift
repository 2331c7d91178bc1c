/// Why a run file could not be written or read, in words for the person who asked for it.
public struct RunFileError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The kinds of failure, for callers that act on them.
  public enum Reason: Equatable, Sendable {
    /// There is no such file.
    case missing
    /// It is a folder, or anything else that is no file.
    case notAFile
    /// It exists, but may not be opened.
    case notPermitted
    /// It is not an HDF5 file.
    case notHDF5
    /// It is an HDF5 file, but not one that this program made.
    case foreign
    /// It is a run file of a version that this program does not know.
    case version
    /// It is cut off or its bytes were changed.
    case damaged
    /// Another program holds it.
    case locked
    /// It exists already, and was not to be replaced.
    case exists
    /// It could not be written: full disk, read-only folder, a limit.
    case writing
    /// It was deleted while it was written.
    case vanished
    /// The caller asked for something that is not in the run, or passed a record of another shape.
    case mismatch
  }

  /// The kind of failure.
  public let reason: Reason
  /// The file.
  public let path: String
  /// What is wrong and what to do, as the end of a sentence that begins with the path.
  public let detail: String

  /// Creates an error.
  public init(_ reason: Reason, path: String, _ detail: String) {
    self.reason = reason
    self.path = path
    self.detail = detail
  }

  /// One sentence: the path and what is wrong with it.
  public var description: String { "\(path): \(detail)" }
}
