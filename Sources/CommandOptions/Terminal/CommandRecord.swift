import Experiments
import FileAccess
import Foundation

/// What a command that trains was asked for, kept in its output folder, so that `--resume` needs nothing but the folder.
package struct CommandRecord: Codable, Equatable {
  /// The command's name.
  package let command: String
  /// Its options, as `--name=value`: the configuration file's expanded, paths absolute, without those that say where
  /// the output goes.
  package let options: [String]
  /// The command line as it was typed.
  package let words: [String]
  /// The program that made the folder.
  package let program: String

  private static let fileName = "command.json"
  /// Options that belong to one call and not to the run.
  private static let passing: Set<String> = ["config", "out", "overwrite", "quiet", "resume", "follow"]
  /// Options whose values are paths, beside the settings of runs.
  private static let paths: Set<String> = ["svg", "data"]

  /// The record of this call.
  ///
  /// - Parameters:
  ///   - arguments: the arguments with the configuration file's options in place.
  ///   - fixed: options that the call left to the machine and that the run depends on.
  package init(arguments: [String], known: [SettingInfo], fixed: [String]) {
    command = arguments.first ?? ""
    options = Self.options(arguments.dropFirst(), known) + fixed
    words = CommandLine.arguments.dropFirst().map { $0 }
    program = "nf-probe \(ProgramVersion.text)"
  }

  /// Writes the record into a folder.
  package func write(into folder: OutputFolder) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(self), as: UTF8.self)
    try OutputFolder.write(text + "\n", to: folder.file(Self.fileName))
  }

  /// The record in a folder.
  package init(folder: String) throws {
    let path = "\(folder)/\(Self.fileName)"
    let bytes: [UInt8]
    do {
      let file = try RandomAccessFile(path: path)
      bytes = try file.bytes(at: 0, count: min(file.byteCount, 1 << 20))
    } catch {
      throw CommandError.usage(
        "--resume \(folder) holds no runs that can go on: its \(Self.fileName) cannot be read (\(error))")
    }
    do { self = try JSONDecoder().decode(CommandRecord.self, from: Data(bytes)) } catch {
      throw CommandError.failed("\(path) is damaged; give the run's options again, with --out, to start anew")
    }
  }

  /// The arguments with the options of the folder that `--resume` names put before them, so that those given now win.
  package static func expanded(_ arguments: [String]) throws -> [String] {
    guard let command = arguments.first, let folder = folder(in: arguments) else { return arguments }
    let record = try CommandRecord(folder: folder)
    guard record.command == command else {
      throw CommandError.usage(
        "--resume \(folder) was made by `\(record.command)`: nf-probe \(record.command) --resume \(folder)")
    }
    return [command] + record.options + arguments.dropFirst()
  }

  /// The command line that asked for what is made now: that of the first attempt where one goes on.
  package static var wordsOfRun: [String] {
    let words = Array(CommandLine.arguments.dropFirst())
    guard let folder = folder(in: words), let record = try? CommandRecord(folder: folder) else {
      return words
    }
    return record.words
  }

  private static func folder(in arguments: [String]) -> String? {
    arguments.value(of: "resume").map { OutputFolder.path(of: $0) }
  }

  /// The options among some arguments, one word each.
  private static func options(_ arguments: ArraySlice<String>, _ known: [SettingInfo]) -> [String] {
    var options: [String] = []
    var rest = arguments
    while let word = rest.popFirst() {
      guard word.hasPrefix("--"), word != "--" else { continue }
      let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      let positive = name.hasPrefix("no-") ? String(name.dropFirst(3)) : name
      let isFlag = known.contains { $0.isFlag && ($0.name == name || $0.isInvertible && $0.name == positive) }
      let value = isFlag ? nil : parts.count == 2 ? String(parts[1]) : rest.popFirst()
      guard !passing.contains(name) else { continue }
      options.append(
        value.map { "--\(name)=\(SettingPaths.absolute($0, of: name, and: paths))" } ?? "--\(name)")
    }
    return options
  }
}
