extension [String] {
  /// The value that a command line's words give an option, before they are parsed: `--name value` or `--name=value`.
  package func value(of option: String) -> String? {
    let name = "--\(option)"
    for (index, word) in enumerated() {
      if word == "--" { return nil }
      if word.hasPrefix(name + "=") { return String(word.dropFirst(name.count + 1)) }
      if word == name, index + 1 < count { return self[index + 1] }
    }
    return nil
  }
}
