import Text
import Yams

/// Turns the nodes of a sweep file into values; every complaint names file and line.
package struct SweepFileReader {
  let file: ConfigText
  /// What turns keys into settings.
  let reader: SettingReader
  /// Whether any name is a setting, as of commands.
  let takesAny: Bool

  /// - Parameters:
  ///   - known: settings that may be given.
  ///   - owner: what takes them, for complaints.
  ///   - takesAny: whether any other name is a setting, too.
  package init(file: ConfigText, known: [SettingInfo], owner: String = "a sweep", takesAny: Bool = false) {
    self.file = file
    self.takesAny = takesAny
    reader = SettingReader(owner: owner, known: known)
  }

  /// One of the file's own keys.
  package func key<Key: RawRepresentable & CaseIterable>(_ node: Node, of: Key.Type) throws -> Key
  where Key.RawValue == String {
    guard let name = node.string, let key = Key(rawValue: name) else {
      let name = node.string ?? "a list or mapping"
      throw complaint(
        node,
        "there is no key \(printable(name))" + suggestion(for: name, among: Key.allCases.map(\.rawValue))
          + "; there are \(Key.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return key
  }

  /// One value as it is written.
  package func text(_ node: Node, _ name: String) throws -> String {
    guard let text = node.string, !text.isEmpty, text.utf8.count <= 200 else {
      throw complaint(node, "\(name) takes one word or line")
    }
    guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw complaint(node, "\(name) holds a control character: \(printable(text))")
    }
    return text
  }

  /// One of some words.
  package func choice<Choice: RawRepresentable & CaseIterable>(
    _ node: Node, _ name: String, of: Choice.Type
  ) throws -> Choice where Choice.RawValue == String {
    let text = try text(node, name)
    guard let choice = Choice(rawValue: text) else {
      throw complaint(
        node, "\(name) is \(Choice.allCases.map(\.rawValue).joined(separator: ", ")), not \(text)")
    }
    return choice
  }

  /// A mapping of names to words.
  func texts(_ node: Node, _ name: String) throws -> [String: String] {
    var result: [String: String] = [:]
    for (key, value) in try mapping(node, name) { result[try text(key, name)] = try text(value, name) }
    return result
  }

  /// A number.
  func number(_ node: Node, _ name: String) throws -> Double {
    guard let number = node.string.flatMap(Double.init), number.isFinite else {
      throw complaint(node, "\(name) is a number")
    }
    return number
  }

  /// A whole number.
  func count(_ node: Node, _ name: String, in range: ClosedRange<Int>) throws -> Int {
    guard let count = node.string.flatMap(Int.init), range.contains(count) else {
      throw complaint(node, "\(name) is a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return count
  }

  /// One word, or a list of them.
  func list(_ node: Node, _ name: String) throws -> [String] {
    try node.sequence.map { try $0.map { try text($0, name) } } ?? [text(node, name)]
  }

  /// A count of seeds from 0 on, or a list of them.
  func seeds(_ node: Node) throws -> [UInt64] {
    if let sequence = node.sequence {
      let seeds = sequence.compactMap { $0.string.flatMap(UInt64.init) }
      guard seeds.count == sequence.count, !seeds.isEmpty, Set(seeds).count == seeds.count else {
        throw complaint(node, "seeds is a count, or a list of different whole numbers")
      }
      return seeds
    }
    guard let count = node.string.flatMap(Int.init), (1...1000).contains(count) else {
      throw complaint(node, "seeds is a count between 1 and 1000, or a list of whole numbers")
    }
    return (0..<UInt64(count)).map { $0 }
  }

  /// Settings of a run.
  package func settings(_ node: Node, _ name: String) throws -> [Setting] {
    try mapping(node, name).compactMap { key, value in try setting(key, value) }
  }

  private func setting(_ key: Node, _ value: Node) throws -> Setting? {
    if takesAny {
      let name = try text(key, "a setting")
      return Setting(name, .text(try text(value, name)))
    }
    return try reader.setting(key, value, at: place(key)).setting.map(file.besideItself)
  }

  /// A command, on one line or several.
  func command(_ node: Node) throws -> CommandTemplate {
    guard let text = node.string, !text.isEmpty, text.utf8.count <= 4096, !text.utf8.contains(0) else {
      throw complaint(node, "command takes a command line")
    }
    guard let command = CommandTemplate(text) else {
      throw complaint(
        node, "command has a brace without its partner, or a place without a name; {{ and }} stand for braces"
      )
    }
    return command
  }

  /// What is varied: an option with a list of values, or a name with a mapping of labels to options.
  func axes(_ node: Node) throws -> [SweepFile.Axis] {
    try mapping(node, "vary").map { key, value in
      let name = try text(key, "vary")
      let points =
        if let values = value.sequence {
          try values.map { element in
            SweepFile.Point(
              label: try text(element, name), settings: [try setting(key, element)].compactMap(\.self))
          }
        } else {
          try mapping(value, name).map { label, options in
            SweepFile.Point(
              label: try text(label, name),
              settings: options.null == nil
                ? try settings(options, "\(name): \(try text(label, name))") : [])
          }
        }
      guard !points.isEmpty else { throw complaint(value, "\(name) has no values to vary over") }
      guard Set(points.map(\.label)).count == points.count else {
        throw complaint(value, "\(name) has a value twice")
      }
      return SweepFile.Axis(name: name, points: points)
    }
  }

  /// Keys and values.
  package func mapping(_ node: Node, _ name: String) throws -> Node.Mapping {
    guard let mapping = node.mapping else {
      throw complaint(node, "\(name) holds keys and values, such as `lr: 0.001`")
    }
    return mapping
  }

  private func place(_ node: Node) -> SettingMessage { file.place(line: node.mark?.line) }

  package func complaint(_ node: Node, _ message: String) -> ExperimentError {
    .refused("\(place(node)): \(message)")
  }
}
