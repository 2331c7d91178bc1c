import Text

/// Why a run could not be exported.
public enum ExportError: Error, Equatable, CustomStringConvertible {
  /// A variable was asked for that the run does not have.
  case noSuchVariable(String, path: String, known: [String])
  /// The file is there already.
  case exists(String)
  /// The name is that of a folder, or of something else that is no regular file.
  case notAFile(String, isFolder: Bool)
  /// Whoever reads standard output has what it wants.
  case readerIsGone
  /// Standard output cannot be written, with the system's reason.
  case output(String)

  /// What is wrong, where, and what to do.
  public var description: String {
    switch self {
    case .noSuchVariable(let name, let path, let known):
      "\(path) has no \(printable(name))" + suggestion(for: name, among: known)
        + "; it has \(known.joined(separator: ", "))"
    case .exists(let path): "\(path) exists"
    case .notAFile(let path, let isFolder):
      "\(path) is \(isFolder ? "a folder" : "no regular file"); name a file"
    case .readerIsGone: "nobody reads standard output any more"
    case .output(let reason): "standard output cannot be written: \(reason)"
    }
  }
}
