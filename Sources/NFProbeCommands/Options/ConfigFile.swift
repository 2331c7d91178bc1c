import ArgumentParser
import FileAccess
import Yams

/// Turns `--config FILE` into the options that the file's keys stand for.
///
/// They are put before the options that were given, so that those win.
enum ConfigFile {
  /// The arguments with the options of the file that they name, if they name one.
  static func expanded(_ arguments: [String], commands: [(name: String, options: [OptionInfo])]) throws
    -> [String]
  {
    guard let name = arguments.first, let command = commands.first(where: { $0.name == name }),
      let path = configPath(arguments)
    else { return arguments }
    let options = try self.options(from: path, command: command.name, known: command.options)
    return [name] + options + arguments.dropFirst()
  }

  private static func configPath(_ arguments: [String]) -> String? {
    for (index, argument) in arguments.enumerated() {
      if argument == "--" { return nil }
      if argument.hasPrefix("--config=") { return String(argument.dropFirst("--config=".count)) }
      if argument == "--config", index + 1 < arguments.count { return arguments[index + 1] }
    }
    return nil
  }

  private static func options(from path: String, command: String, known: [OptionInfo]) throws -> [String] {
    let text = try self.text(path)
    let root: Node?
    do { root = try Yams.compose(yaml: text) } catch {
      // The reason, the line that it is about and a mark below it.
      let lines = "\(error)".split(separator: "\n").prefix(3).map { excerpt($0) }
      throw CommandError.usage("--config \(path) is no YAML: \(lines.joined(separator: "\n"))")
    }
    guard let root, let mapping = root.mapping else {
      throw CommandError.usage("--config \(path) must hold keys and values, like `steps: 300`")
    }
    return try mapping.flatMap { key, value in
      try arguments(key: key.string ?? "", value: value, path: path, command: command, known: known)
    }
  }

  private static func text(_ path: String) throws -> String {
    do {
      let file = try RandomAccessFile(path: path)
      guard file.byteCount <= 1 << 20 else {
        throw CommandError.usage("--config \(path) is larger than a configuration can be (1 MiB)")
      }
      return String(decoding: try file.bytes(at: 0, count: file.byteCount), as: UTF8.self)
    } catch let error as FileAccessError {
      throw CommandError.usage("--config \(error)")
    }
  }

  private static func arguments(
    key: String, value: Node, path: String, command: String, known: [OptionInfo]
  ) throws -> [String] {
    let place = value.mark.map { ", line \($0.line)" } ?? ""
    guard let option = known.first(where: { $0.name == key }), key != "config" else {
      throw CommandError.usage(
        "--config \(path)\(place): `\(command)` has no key \(excerpt(key))"
          + suggestion(for: key, among: known.map(\.name)))
    }
    if option.isFlag {
      guard let isOn = value.bool else {
        throw CommandError.usage(
          "--config \(path)\(place): \(key) is true or false, not \(value.string.map { excerpt($0) } ?? "a list")"
        )
      }
      if isOn { return ["--\(key)"] }
      return option.isInvertible ? ["--no-\(key)"] : []
    }
    let text = value.sequence.map { $0.compactMap(\.string).joined(separator: ",") } ?? value.string
    guard let text else {
      throw CommandError.usage("--config \(path)\(place): \(key) needs one value or a list")
    }
    guard text.utf8.count <= 4096, !text.unicodeScalars.contains(where: { $0.value < 32 && $0 != "\n" })
    else {
      throw CommandError.usage("--config \(path)\(place): \(excerpt(text)) is no value for \(key)")
    }
    return value.null == nil || text.isEmpty == false ? ["--\(key)=\(text)"] : []
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
