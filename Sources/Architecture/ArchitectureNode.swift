import Text
import Yams

/// A place in an architecture's file, which knows how to complain.
struct ArchitectureNode {
  let node: Node
  let file: String
  /// The key that it stands under, for messages.
  let name: String

  /// Reads YAML.
  static func root(of text: String, file: String) throws(ArchitectureError) -> ArchitectureNode {
    do {
      guard let node = try Yams.compose(yaml: text) else {
        throw ArchitectureError(description: "\(file) is empty")
      }
      return ArchitectureNode(node: node, file: file, name: "the file")
    } catch let error as ArchitectureError {
      throw error
    } catch let error as YamlError {
      throw ArchitectureError(description: "\(file)\(explanation(error))")
    } catch {
      throw ArchitectureError(description: "\(file): \(error)")
    }
  }

  private static func explanation(_ error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      ", line \(mark.line) is no YAML: \(problem)"
    case .duplicatedKeysInMapping(let keys, let context):
      ", line \(context.mark.line): \(keys.map { "\($0)" }.joined(separator: ", ")) is given twice"
    default: " is no YAML"
    }
  }

  /// A complaint about this place.
  func error(_ message: String) -> ArchitectureError {
    let line = node.mark.map { ", line \($0.line)" } ?? ""
    return ArchitectureError(description: "\(file)\(line): \(message)")
  }

  func with(_ node: Node, name: String) -> ArchitectureNode {
    ArchitectureNode(node: node, file: file, name: name)
  }

  /// As it was written.
  var text: String { node.scalar?.string ?? "" }

  var isSequence: Bool { node.sequence != nil }

  var isMapping: Bool { node.mapping != nil }

  var isNothing: Bool { node.scalar.map { ["", "~", "null"].contains($0.string) } ?? false }

  // MARK: - Structure

  /// The values of a mapping, all of whose keys are among those of a type.
  func mapping<Key: RawRepresentable & CaseIterable & Hashable>(
    _: Key.Type
  ) throws(ArchitectureError) -> [Key: ArchitectureNode] where Key.RawValue == String {
    try checkKeys(Key.allCases.map(\.rawValue))
    return keys(Key.self)
  }

  /// The values of those keys that are there.
  func keys<Key: RawRepresentable & CaseIterable & Hashable>(
    _: Key.Type
  ) -> [Key: ArchitectureNode] where Key.RawValue == String {
    var found: [Key: ArchitectureNode] = [:]
    for key in Key.allCases { found[key] = child(key.rawValue) }
    return found
  }

  func child(_ key: String) -> ArchitectureNode? { node.mapping?[key].map { with($0, name: key) } }

  func hasKey(_ key: String) -> Bool { node.mapping?[key] != nil }

  func checkKeys(_ known: [String]) throws(ArchitectureError) {
    if isNothing { return }
    guard let mapping = node.mapping else {
      throw error("\"\(name)\" must hold keys and values: \(known.joined(separator: ", "))")
    }
    for (key, _) in mapping {
      let key = with(key, name: name)
      guard known.contains(key.text) else { throw key.unknown(key.text, among: known) }
    }
  }

  func elements() throws(ArchitectureError) -> [ArchitectureNode] {
    guard let sequence = node.sequence else { throw error("\"\(name)\" must be a list") }
    return sequence.map { with($0, name: name) }
  }

  /// A block in which every sublayer of a kind has other values under some of its keys.
  func replacing(_ overrides: [String: ArchitectureNode]) -> ArchitectureNode {
    guard let sequence = node.sequence else { return self }
    let changed = sequence.map { element -> Node in
      guard var mapping = element.mapping else { return element }
      for (kind, override) in overrides {
        guard let value = mapping[kind], let other = override.node.mapping else { continue }
        var merged = value.mapping ?? Node.Mapping([])
        for (key, value) in other { merged[key] = value }
        mapping[kind] = .mapping(merged)
      }
      return .mapping(mapping)
    }
    return with(.sequence(Node.Sequence(changed, .implicit, .any, node.mark)), name: name)
  }

  // MARK: - Values

  func unknown(_ word: String, among known: [String]) -> ArchitectureError {
    error(
      "\"\(word)\" is no word of \"\(name)\"\(suggestion(for: word, among: known)); there are "
        + known.joined(separator: ", "))
  }

  func string() throws(ArchitectureError) -> String {
    guard let scalar = node.scalar else { throw error("\"\(name)\" must be text") }
    return scalar.string
  }

  func flag() throws(ArchitectureError) -> Bool {
    switch text {
    case "yes", "true", "on": return true
    case "no", "false", "off", "none": return false
    default: throw error("\"\(name)\" is yes or no, not \"\(text)\"")
    }
  }

  func word(of known: [String]) throws(ArchitectureError) -> String {
    guard known.contains(text) else { throw unknown(text, among: known) }
    return text
  }

  func choice<Choice: RawRepresentable & CaseIterable>(
    _: Choice.Type
  ) throws(ArchitectureError) -> Choice where Choice.RawValue == String {
    guard let choice = Choice(rawValue: text) else {
      throw unknown(text, among: Choice.allCases.map(\.rawValue))
    }
    return choice
  }

  func integer(_ range: ClosedRange<Int>) throws(ArchitectureError) -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw error("\"\(name)\" must be a whole number of at least \(range.lowerBound), not \"\(text)\"")
    }
    return number
  }

  func optionalInteger(_ range: ClosedRange<Int>) throws(ArchitectureError) -> Int? {
    text == "none" ? nil : try integer(range)
  }

  func positive() throws(ArchitectureError) -> Double {
    guard let number = Double(text), number > 0, number.isFinite else {
      throw error("\"\(name)\" must be a number above 0, not \"\(text)\"")
    }
    return number
  }

  func expression() throws(ArchitectureError) -> Expression {
    guard node.scalar != nil else { throw error("\"\(name)\" must be a number, like 0.5 or 1/sqrt(l)") }
    do { return try Expression(parsing: text) } catch { throw self.error("\"\(name)\": \(error)") }
  }
}

// MARK: - Norms, scales, positions
