import Text
import Yams

/// Turns `--config FILE` into the options that the file's keys stand for.
///
/// They are put before the options that were given, so that those win.
enum ConfigFile {
  /// Arguments with a file's options in place.
  struct Expansion {
    /// The arguments.
    var arguments: [String]
    /// Where the file gives each option that the command line does not, by the option's name.
    var places: [String: String] = [:]

    /// A message on an option, with the place in the file that gave it; nil where none did.
    func located(_ message: String) -> String? {
      let firstLine = message.prefix { $0 != "\n" }
      guard let match = firstLine.firstMatch(of: /--(?:no-)?([a-z0-9-]+)/),
        let place = places[String(match.output.1)]
      else { return nil }
      return "\(place): \(message)"
    }
  }

  /// The arguments with the options of the file that they name, if they name one.
  static func expanded(_ arguments: [String], commands: [(name: String, options: [OptionInfo])]) throws
    -> Expansion
  {
    guard let name = arguments.first, let command = commands.first(where: { $0.name == name }),
      let path = arguments.value(of: "config")
    else { return Expansion(arguments: arguments) }
    let recorded = try RecordedSettings(path: path, command: name)
    let text = try recorded?.text ?? ConfigText(path: path)
    var options = try recorded?.words(beside: arguments) ?? []
    var expansion = Expansion(arguments: arguments)
    for (key, value) in try text.mapping() where recorded?.holdsPath(key.string) != true {
      let place = text.place(line: recorded == nil ? (value.mark ?? key.mark)?.line : nil)
      let (option, words) = try self.words(key, value, place, command.name, command.options)
      options += words
      if !isGiven(option, arguments) { expansion.places[option] = place }
    }
    expansion.arguments = [name] + options + arguments.dropFirst()
    return expansion
  }

  private static func isGiven(_ option: String, _ arguments: [String]) -> Bool {
    arguments.contains { $0 == "--\(option)" || $0 == "--no-\(option)" || $0.hasPrefix("--\(option)=") }
  }

  /// The option that a key names, and its words on a command line: none or one.
  static func words(
    _ key: Node, _ value: Node, _ place: String, _ command: String, _ known: [OptionInfo]
  ) throws -> (option: String, words: [String]) {
    guard let name = key.string else {
      throw CommandError.usage("\(place): a list or a mapping cannot be a key; keys are names of options")
    }
    guard let option = known.first(where: { $0.name == name }), name != "config" else {
      throw CommandError.usage(
        "\(place): `\(command)` has no key \(printable(name))"
          + suggestion(for: name, among: known.map(\.name)))
    }
    // `key:` and `key: null` leave the option as it is.
    guard value.null == nil else { return (name, []) }
    if option.isFlag {
      guard let isOn = value.bool else {
        throw CommandError.usage(
          "\(place): \(name) is true or false, not \(value.string.map { printable($0) } ?? "a list")")
      }
      return (name, isOn ? ["--\(name)"] : option.isInvertible ? ["--no-\(name)"] : [])
    }
    // What runs without a file state of their corpus.
    if name == "corpus", value.string == CorpusOptions.builtInName { return (name, []) }
    return (name, ["--\(name)=\(try text(value, name, place))"])
  }

  /// No value of an option is longer, in bytes.
  private static let longestValue = 4096

  /// One value, or several with commas between them.
  private static func text(_ value: Node, _ name: String, _ place: String) throws -> String {
    let parts = value.sequence.map { $0.map { $0.null == nil ? $0.string : nil } } ?? [value.string]
    let texts = parts.compactMap { $0 }
    guard texts.count == parts.count else {
      throw CommandError.usage("\(place): \(name) needs one value, or a list of values without lists in it")
    }
    let text = texts.joined(separator: ",")
    let longest = name == "architecture-text" ? ConfigText.longest : longestValue
    guard text.utf8.count <= longest else {
      throw CommandError.usage("\(place): \(name) is longer than any value can be (\(longest) bytes)")
    }
    // A NUL would end a path early, and others would write to the terminal.
    let isText = name == "architecture-text"
    guard
      !text.unicodeScalars.contains(where: {
        $0.properties.generalCategory == .control && !(isText && $0 == "\n")
      })
    else {
      throw CommandError.usage("\(place): \(name) holds a control character: \(printable(text))")
    }
    return text
  }
}

/// An option of a command.
struct OptionInfo {
  let name: String
  let isFlag: Bool
  let isInvertible: Bool
}

/// The commands and their options, from the parser's own description of itself.
struct ToolDescription: Decodable {
  struct Command: Decodable {
    let commandName: String
    let subcommands: [Command]?
    let arguments: [Argument]?
  }

  struct Argument: Decodable {
    struct Name: Decodable {
      let kind: String
      let name: String
    }
    let kind: String
    let names: [Name]?
  }

  let command: Command

  /// The long options of each command.
  var options: [(name: String, options: [OptionInfo])] {
    (command.subcommands ?? []).map { ($0.commandName, Self.options(of: $0)) }
  }

  private static func options(of command: Command) -> [OptionInfo] {
    let names = (command.arguments ?? []).flatMap { argument in
      (argument.names ?? []).filter { $0.kind == "long" }.map {
        (isFlag: argument.kind == "flag", name: $0.name)
      }
    }
    let all = Set(names.map(\.name))
    return names.filter { !($0.name.hasPrefix("no-") && all.contains(String($0.name.dropFirst(3)))) }.map {
      OptionInfo(name: $0.name, isFlag: $0.isFlag, isInvertible: all.contains("no-\($0.name)"))
    }
  }
}
