import Architecture
import Checkpoints
import FileAccess
import Foundation
import Kernels
import Transformer

/// The model that a run made of another library's, in that library's own names and with its configuration: what
/// `from_pretrained` loads.
struct ModelFolder {
  let path: String

  /// Beside a run file.
  init(runFile: String) {
    path = (runFile.hasSuffix(".h5") ? String(runFile.dropLast(3)) : runFile) + ".model"
  }

  private static let weights = "model.safetensors"
  private static let configuration = "config.json"
  /// Of the files beside the weights, those that are words and tables of tokens.
  private static let endings = [".json", ".txt", ".model", ".jinja"]
  private static let longest = 64 << 20

  /// Writes the folder; one of an earlier attempt is replaced file by file.
  /// - Returns: whether the checkpoint's library can have it back.
  func write(_ model: Model<Float>, of checkpoint: DecoderCheckpoint) throws -> Bool {
    let indices = Dictionary(
      uniqueKeysWithValues: model.table.parameters.enumerated().map { ($1.fullName, $0) })
    guard
      let tensors = checkpoint.storedWeights({ name in
        indices[name].map { model.parameter($0).array() } ?? []
      })
    else { return false }
    let manager = FileManager.default
    try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    try SafetensorsWriter.write(
      tensors, metadata: ["format": "pt"], to: "\(path)/\(Self.weights)", replacing: true)
    let folder = Self.folder(of: checkpoint.view.checkpoint.path)
    for name in try manager.contentsOfDirectory(atPath: folder).sorted() where isCarried(name, folder) {
      let text = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
      let own = name == Self.configuration ? inFloat32(text) : text
      try own.write(to: URL(fileURLWithPath: "\(path)/\(name)"), options: .atomic)
    }
    return true
  }

  /// The folder of a checkpoint that may be one of its files.
  private static func folder(of path: String) -> String {
    let isFolder = (try? FileManager.default.contentsOfDirectory(atPath: path)) != nil
    return isFolder ? path : URL(fileURLWithPath: path).deletingLastPathComponent().path
  }

  private func isCarried(_ name: String, _ folder: String) -> Bool {
    guard Self.endings.contains(where: name.hasSuffix), !name.hasSuffix(".index.json"),
      let size = try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")[.size] as? Int
    else { return false }
    return size <= Self.longest
  }

  /// The weights are float32 now; a configuration that says another type would have them rounded again.
  private func inFloat32(_ configuration: Data) -> Data {
    let text = String(decoding: configuration, as: UTF8.self)
    return Data(text.replacing(/"((?:torch_)?dtype)"\s*:\s*"[a-z0-9]+"/) { "\"\($0.1)\": \"float32\"" }.utf8)
  }
}
