import Checkpoints
import FileAccess

/// What was named, with the run files of a folder by name in its place.
///
/// A folder of a model that Transformers has saved (`config.json`; an `.h5` in it holds weights), or without runs in it or below, stands as
/// it is: whoever opens it says what is wrong with it, or reads the checkpoint.
/// - Throws: where runs lie in folders of a folder: which are meant?
public func runFiles(named inputs: [String]) throws -> [String] {
  try inputs.flatMap { input in
    guard let names = try? folderEntries(input), !names.contains("config.json") else { return [input] }
    let folder = RunFolder(path: input, names: names)
    guard folder.files.isEmpty else { return folder.files }
    guard folder.foldersWithRuns.isEmpty || (try? Checkpoint(path: input)) != nil else {
      throw folder.lacksRuns
    }
    return [input]
  }
}

/// A folder where runs are looked for.
struct RunFolder {
  private let path: String
  private let names: [String]

  init(path: String, names: [String]) {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    self.names = names.sorted()
  }

  /// The paths of the run files in it, by name.
  var files: [String] {
    names.filter { $0.hasSuffix(".h5") && !$0.hasPrefix(".") }
      .map { path == "/" ? "/\($0)" : "\(path)/\($0)" }
  }

  /// Names of the folders in it that hold run files.
  var foldersWithRuns: [String] {
    names.filter { name in
      let inner = "\(path)/\(name)"
      return (try? folderEntries(inner)).map { !RunFolder(path: inner, names: $0).files.isEmpty } ?? false
    }
  }

  /// That it holds no run files, and where some are.
  var lacksRuns: RunReadingError {
    let deeper = foldersWithRuns
    let shown = deeper.prefix(6).joined(separator: ", ") + (deeper.count > 6 ? " and others" : "")
    let hint = deeper.isEmpty ? "" : "; its folders \(shown) do: name those that are meant"
    return .failed("\(path) holds no run files (.h5)\(hint)")
  }
}
