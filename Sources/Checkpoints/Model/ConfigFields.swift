import FileAccess
import FoundationEssentials

/// The fields of a `config.json` that Transformers writes beside the tensors.
struct ConfigFields: Sendable {
  private let values: [String: JSONValue]
  /// Where it was read.
  let path: String

  private static let longest = 4 << 20

  /// Reads the file beside a checkpoint; nil where there is none, or it is no such file.
  init?(beside checkpoint: Checkpoint) {
    for folder in Set([checkpoint.path] + checkpoint.files.map(Self.folder)).sorted() {
      let path = "\(folder)/config.json"
      guard let file = try? RandomAccessFile(path: path), file.byteCount <= Self.longest,
        let bytes = try? file.bytes(at: 0, count: file.byteCount),
        let found = try? JSONDecoder().decode([String: JSONValue].self, from: Data(bytes))
      else { continue }
      self.init(found, path: path)
      return
    }
    return nil
  }

  private init(_ values: [String: JSONValue], path: String) {
    self.values = values
    self.path = path
  }

  private static func folder(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  /// Fields within a field.
  func fields(_ name: String) -> ConfigFields? {
    guard case .fields(let inner)? = values[name] else { return nil }
    return ConfigFields(inner, path: path)
  }

  /// The first of several names that holds a number.
  func number(_ names: String...) -> Double? {
    names.lazy.compactMap { name -> Double? in
      if case .number(let number)? = values[name] { number } else { nil }
    }.first
  }

  /// A whole number; nil where there is none, or it is one that no model has.
  func integer(_ names: String...) -> Int? {
    names.lazy.compactMap { number($0) }.first.flatMap { Int(exactly: $0) }
  }

  func text(_ names: String...) -> String? {
    names.lazy.compactMap { name -> String? in
      if case .text(let text)? = values[name] { text } else { nil }
    }.first
  }

  func flag(_ name: String) -> Bool? {
    if case .flag(let flag)? = values[name] { flag } else { nil }
  }

  func texts(_ name: String) -> [String]? {
    guard case .list(let list)? = values[name] else { return nil }
    return list.compactMap { if case .text(let text) = $0 { text } else { nil } }
  }

  /// Attention heads of a layer.
  var headCount: Int? {
    integer("num_attention_heads", "n_head", "n_heads", "num_heads") ?? fields("text_config")?.headCount
  }
}

extension Checkpoint {
  /// Attention heads of a layer, as the file or the configuration beside it says; nil where neither does.
  var headCount: Int? {
    metadata[CheckpointMetadataKey.headCount].flatMap { Int($0) } ?? ConfigFields(beside: self)?.headCount
  }
}
