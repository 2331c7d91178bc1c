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
    guard architectures.contains(name) else { return value }
    return value.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let word = String(part.trimmingPrefix { $0 == " " })
      return ArchitectureChoice.isPath(word) ? absolute(path: word) : word
    }.joined(separator: ",")
  }

  /// A path that means the same from any folder.
  package static func absolute(path: String) -> String {
    path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
  }
}
