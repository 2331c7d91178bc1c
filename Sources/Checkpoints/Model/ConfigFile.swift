import FileAccess
import FoundationEssentials

/// `config.json` beside the tensors, as Transformers writes it: what no tensor tells.
struct ConfigFile: Decodable {
  /// Attention heads of a layer.
  let headCount: Int?

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case textConfig = "text_config"
    case num_attention_heads, n_head, n_heads, num_heads
  }

  private static let longest = 4 << 20

  /// Reads the file beside a checkpoint; nil where there is none, or it is another program's.
  init?(beside checkpoint: Checkpoint) {
    for folder in Set([checkpoint.path] + checkpoint.files.map(Self.folder)).sorted() {
      guard let file = try? RandomAccessFile(path: "\(folder)/config.json"), file.byteCount <= Self.longest,
        let bytes = try? file.bytes(at: 0, count: file.byteCount),
        let found = try? JSONDecoder().decode(ConfigFile.self, from: Data(bytes))
      else { continue }
      self = found
      return
    }
    return nil
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let nested = try? fields.decode(ConfigFile.self, forKey: .textConfig)
    let own = CodingKeys.allCases.lazy.compactMap { try? fields.decode(Int.self, forKey: $0) }.first
    headCount = own ?? nested?.headCount
  }

  private static func folder(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }
}

extension Checkpoint {
  /// Attention heads of a layer, as the file or the configuration beside it says; nil where neither does.
  var headCount: Int? {
    metadata[CheckpointMetadataKey.headCount].flatMap { Int($0) } ?? ConfigFile(beside: self)?.headCount
  }
}
