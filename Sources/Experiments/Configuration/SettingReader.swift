import Text
import Yams

/// Turns the keys and values of a file into settings.
package struct SettingReader {
  /// What takes them, for complaints.
  let owner: String
  /// Settings that may be given.
  let known: [SettingInfo]

  package init(owner: String, known: [SettingInfo]) { (self.owner, self.known) = (owner, known) }

  /// The name of the setting that a key names, and what is given to it; nil where that is left as it is.
  package func setting(
    _ key: Node, _ value: Node, at place: SettingMessage
  ) throws -> (name: String, setting: Setting?) {
    guard let name = key.string else {
      throw ExperimentError.refused(
        "\(place): a list or a mapping cannot be a key; keys are names of options")
    }
    guard let option = known.first(where: { $0.name == name }), name != "config" else {
      throw ExperimentError.refused(
        "\(place): `\(owner)` has no key \(printable(name))\(suggestion(for: name, among: known.map(\.name)))"
      )
    }
    // `key:` and `key: null` leave the option as it is.
    guard value.null == nil else { return (name, nil) }
    if option.isFlag {
      guard let isOn = value.bool else {
        throw ExperimentError.refused(
          "\(place): \(name) is true or false, not \(value.string.map { printable($0) } ?? "a list")")
      }
      return (name, isOn || option.isInvertible ? Setting(name, .flag(isOn)) : nil)
    }
    // What runs without a file state of their corpus.
    if name == "corpus", value.string == CorpusSettings.builtInName { return (name, nil) }
    return (name, Setting(name, .text(try text(value, name, place))))
  }

  /// No value of an option is longer, in bytes.
  private static let longestValue = 4096

  /// One value, or several with commas between them.
  private func text(_ value: Node, _ name: String, _ place: SettingMessage) throws -> String {
    let parts = value.sequence.map { $0.map { $0.null == nil ? $0.string : nil } } ?? [value.string]
    let texts = parts.compactMap { $0 }
    guard texts.count == parts.count else {
      throw ExperimentError.refused(
        "\(place): \(name) needs one value, or a list of values without lists in it")
    }
    let text = texts.joined(separator: ",")
    let longest = name == "architecture-text" ? ConfigText.longest : Self.longestValue
    guard text.utf8.count <= longest else {
      throw ExperimentError.refused("\(place): \(name) is longer than any value can be (\(longest) bytes)")
    }
    // A NUL would end a path early, and others would write to the terminal.
    let isText = name == "architecture-text"
    guard
      !text.unicodeScalars.contains(where: {
        $0.properties.generalCategory == .control && !(isText && $0 == "\n")
      })
    else {
      throw ExperimentError.refused("\(place): \(name) holds a control character: \(printable(text))")
    }
    return text
  }
}
