import FileAccess

/// What was named, with the run files of a folder by name in its place.
///
/// A folder without run files, or of a model that Transformers has saved (`config.json`; an `.h5` in it holds weights), stands as it is:
/// whoever opens it says what is wrong with it, or reads the checkpoint.
public func runFiles(named inputs: [String]) -> [String] {
  inputs.flatMap { input in
    guard let names = try? folderEntries(input), !names.contains("config.json") else { return [input] }
    let files = names.filter(isRunFileName).sorted()
    return files.isEmpty ? [input] : files.map { input.hasSuffix("/") ? input + $0 : "\(input)/\($0)" }
  }
}

/// Whether a file of this name is looked at where a folder is.
func isRunFileName(_ name: String) -> Bool { name.hasSuffix(".h5") && !name.hasPrefix(".") }
