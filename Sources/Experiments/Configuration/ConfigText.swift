import FileAccess
import Foundation
import Text
import Yams

/// The text of a configuration file, judged before it is parsed.
package struct ConfigText {
  /// No configuration is larger: every option of a command takes a few kilobytes.
  package static let longest = 64 << 10

  /// How messages name the file.
  private let name: SettingMessage
  /// Where the file lies.
  private let folder: String
  /// What it holds.
  package let text: String

  /// Reads the file.
  /// - Parameter setting: the setting that named it; nil where it was named by itself.
  /// - Throws: ``ExperimentError``: where it cannot be read, is larger than ``longest``, is not UTF-8, or has aliases.
  package init(path: String, setting: String?) throws {
    folder = path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) : "."
    let prefix: SettingMessage = setting.map { "\(setting: $0) " } ?? ""
    let name: SettingMessage = "\(prefix)\(path)"
    self.name = name
    let bytes: [UInt8]
    do {
      let file = try RandomAccessFile(path: path)
      guard file.byteCount <= Self.longest else {
        throw ExperimentError.refused("\(name) is larger than a configuration can be (64 KiB)")
      }
      bytes = try file.bytes(at: 0, count: file.byteCount)
    } catch let error as FileAccessError {
      throw ExperimentError.refused("\(prefix)\(error)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
      throw ExperimentError.refused("\(name), line \(bad + 1) is not UTF-8 text")
    }
    self.text = text
    if let alias = Self.firstAlias(bytes) {
      throw ExperimentError.refused(
        "\(name), line \(alias.line): the alias *\(printable(alias.name)) is not followed; write the value itself"
      )
    }
  }

  /// A text that was read already, e.g. the settings of a recorded run.
  package init(_ text: String, name: SettingMessage) { (self.text, self.name, folder) = (text, name, ".") }

  /// How messages name a place in the file.
  package func place(line: Int?) -> SettingMessage {
    "\(name)\(line.map { ", line \($0)" } ?? "")"
  }

  /// A setting whose value is an architecture's file that lies beside this one, with its path from here; every other as it is.
  func besideItself(_ setting: Setting) -> Setting {
    guard ["architecture", "parts"].contains(setting.name), case .text(let value) = setting.value else {
      return setting
    }
    let path = "\(folder)/\(value)"
    let isBeside =
      !value.hasPrefix("/") && ArchitectureChoice.isPath(value)
      && FileManager.default.fileExists(atPath: path)
    return isBeside ? Setting(setting.name, .text(path)) : setting
  }

  /// The file's keys and values.
  /// - Throws: ``ExperimentError``: where the text is no YAML, or no mapping.
  package func mapping() throws -> Node.Mapping {
    let root: Node?
    do { root = try Yams.compose(yaml: text) } catch let error as YamlError {
      throw ExperimentError.refused(explanation(error))
    }
    guard let mapping = root?.mapping else {
      throw ExperimentError.refused(
        "\(place(line: root?.mark?.line)) must hold keys and values, like `steps: 300`")
    }
    return mapping
  }

  /// What is wrong, in one line; the parser's own words repeat the file.
  private func explanation(_ error: YamlError) -> SettingMessage {
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      return "\(place(line: mark.line)) is no YAML: \(context.map { "\($0.text), " } ?? "")\(problem)"
    case .reader(let problem, let offset, _, _):
      let line = offset.map { text.prefix($0).count { $0.isNewline } + 1 }
      return "\(place(line: line)) is no YAML: \(problem)"
    case .duplicatedKeysInMapping(let names, let context):
      return "\(place(line: context.mark.line)): \(printable(names.joined(separator: ", "))) is given twice"
    default:
      return "\(place(line: nil)) is no YAML: \(printable("\(error)"))"
    }
  }

  /// The first alias of an anchor. A few of them, each a list of others, stand for more values than any memory holds.
  ///
  /// Quotes are not looked at: `&x` and `*x` of one name in one file are aliases to this function.
  private static func firstAlias(_ bytes: [UInt8]) -> (name: String, line: Int)? {
    let anchors = Set(names(after: UInt8(ascii: "&"), bytes).map(\.name))
    guard !anchors.isEmpty else { return nil }
    return names(after: UInt8(ascii: "*"), bytes).first { anchors.contains($0.name) }
  }

  /// The names that follow a mark which does not stand inside a word.
  private static func names(after mark: UInt8, _ bytes: [UInt8]) -> [(name: String, line: Int)] {
    var names: [(name: String, line: Int)] = []
    var line = 1
    for (index, byte) in bytes.enumerated() {
      if byte == UInt8(ascii: "\n") { line += 1 }
      guard byte == mark, index == 0 || !isInWord(bytes[index - 1]) else { continue }
      let name = bytes[(index + 1)...].prefix { isInName($0) }
      if !name.isEmpty { names.append((String(decoding: name, as: UTF8.self), line)) }
    }
    return names
  }

  /// Whether YAML's parser takes a byte as part of an anchor's name.
  private static func isInName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  private static func isInWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "-"): false
    case UInt8(ascii: "."), UInt8(ascii: "/"): true
    default: isInName(byte)
    }
  }
}
