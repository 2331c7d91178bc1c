import Experiments
import Yams

/// Turns `--config FILE` into the options that the file's keys stand for.
///
/// They are put before the options that were given, so that those win.
package enum ConfigFile {
  /// Arguments with a file's options in place.
  package struct Expansion {
    /// The arguments.
    package var arguments: [String]
    /// Where the file gives each option that the command line does not, by the option's name.
    package var places: [String: String] = [:]

    /// Arguments that no file has added to.
    package init(arguments: [String]) { self.arguments = arguments }

    /// A message on an option, with the place in the file that gave it; nil where none did.
    package func located(_ message: String) -> String? {
      let firstLine = message.prefix { $0 != "\n" }
      guard let match = firstLine.firstMatch(of: /--(?:no-)?([a-z0-9-]+)/),
        let place = places[String(match.output.1)]
      else { return nil }
      return "\(place): \(message)"
    }
  }

  /// The arguments with the options of the file that they name, if they name one.
  ///
  /// - Parameter options: the long options of a command; nil where there is no such command.
  package static func expanded(
    _ arguments: [String], options: (_ ofCommand: String) -> [SettingInfo]?
  ) throws -> Expansion {
    guard let path = arguments.value(of: "config"), let name = arguments.first, let known = options(name)
    else { return Expansion(arguments: arguments) }
    do { return try expanded(arguments, path, command: name, known) } catch let error as ExperimentError {
      throw error.ofCommand
    }
  }

  private static func expanded(
    _ arguments: [String], _ path: String, command: String, _ known: [SettingInfo]
  ) throws -> Expansion {
    let recorded = try RecordedSettings(path: path, command: command)
    let text = try recorded?.text ?? ConfigText(path: path, setting: "config")
    var options = try recorded?.words(beside: arguments) ?? []
    var expansion = Expansion(arguments: arguments)
    for (key, value) in try text.mapping() where recorded?.holdsPath(key.string) != true {
      let place = text.place(line: recorded == nil ? (value.mark ?? key.mark)?.line : nil)
      let (name, setting) = try SettingReader(owner: command, known: known).setting(key, value, at: place)
      if let setting { options.append(setting.word) }
      if !isGiven(name, arguments) { expansion.places[name] = place.text { "--\($0)" } }
    }
    expansion.arguments = [command] + options + arguments.dropFirst()
    return expansion
  }

  private static func isGiven(_ option: String, _ arguments: [String]) -> Bool {
    arguments.contains { $0 == "--\(option)" || $0 == "--no-\(option)" || $0.hasPrefix("--\(option)=") }
  }
}

/// A command and its options, from the parser's own description of it.
package struct CommandDescription: Decodable {
  private struct Command: Decodable {
    let arguments: [Argument]?
  }

  private struct Argument: Decodable {
    struct Name: Decodable {
      let kind: String
      let name: String
    }
    let kind: String
    let names: [Name]?
  }

  private let command: Command

  /// The command's long options.
  package var options: [SettingInfo] {
    let names = (command.arguments ?? []).flatMap { argument in
      (argument.names ?? []).filter { $0.kind == "long" }.map {
        (isFlag: argument.kind == "flag", name: $0.name)
      }
    }
    let all = Set(names.map(\.name))
    return names.filter { !($0.name.hasPrefix("no-") && all.contains(String($0.name.dropFirst(3)))) }.map {
      SettingInfo(name: $0.name, isFlag: $0.isFlag, isInvertible: all.contains("no-\($0.name)"))
    }
  }
}
