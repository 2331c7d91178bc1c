import Foundation

/// Which settings name files, so that a run can be described for any folder.
package enum SettingPaths {
  /// Settings whose values are paths.
  private static let files: Set<String> = ["corpus", "validation", "from-checkpoint", "names"]
  /// Settings whose values are architectures: names, or paths.
  private static let architectures: Set<String> = ["architecture", "architectures", "parts"]

  /// A setting that means the same from any folder.
  static func absolute(_ setting: Setting) -> Setting {
    guard case .text(let value) = setting.value, !value.isEmpty else { return setting }
    return Setting(setting.name, .text(absolute(value, of: setting.name)))
  }

  /// The value of a setting, with the paths in it made absolute.
  ///
  /// - Parameter others: names of more settings whose values are paths.
  package static func absolute(_ value: String, of name: String, and others: Set<String> = []) -> String {
    if files.contains(name) || others.contains(name) { return absolute(path: value) }
    if name == "evaluate-text" || name == "evaluate-task" { return absolute(list: value, of: name) }
    guard architectures.contains(name) else { return value }
    return value.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let word = String(part.trimmingPrefix { $0 == " " })
      return ArchitectureChoice.isPath(word) ? absolute(path: word) : word
    }.joined(separator: ",")
  }

  /// Of texts all words between commas and signs are paths; of tasks those behind a sign, and those without one.
  private static func absolute(list: String, of name: String) -> String {
    list.split(separator: ",", omittingEmptySubsequences: false).map { entry in
      let words = entry.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
      let formats = name == "evaluate-task" ? words.count - 1 : 0
      let paths = words.dropFirst(formats).map { $0.isEmpty ? $0 : absolute(path: $0) }
      return (words.prefix(formats) + paths).joined(separator: "=")
    }.joined(separator: ",")
  }

  /// A path that means the same from any folder.
  package static func absolute(path: String) -> String {
    path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
  }
}
