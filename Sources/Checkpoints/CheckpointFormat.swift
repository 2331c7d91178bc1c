import FileAccess

/// How a checkpoint is stored.
public enum CheckpointFormat: String, Sendable, CaseIterable {
  /// One safetensors file.
  case safetensors
  /// Several safetensors files with an index.
  case safetensorsShards = "safetensors-shards"
  /// Several zip archives of `torch.save` with an index.
  case torchShards = "torch-shards"
  /// What `torch.save` writes since PyTorch 1.6: a zip archive with one pickle.
  case torchZip = "torch-zip"
  /// What `torch.save` wrote before: five pickles and the storages.
  case torchLegacy = "torch-legacy"
  /// A folder of `torch.distributed.checkpoint`: a `.metadata` and a file or more of each worker.
  case torchDistributed = "torch-distributed"
}

extension CheckpointContents {
  /// Finds the format by the first bytes, and where the tensors lie.
  init(path: String) throws(CheckpointError) {
    let file: RandomAccessFile
    do throws(FileAccessError) {
      file = try RandomAccessFile(path: try Self.file(in: path) ?? path)
    } catch {
      throw CheckpointError(error)
    }
    self =
      switch try Self.format(of: file) {
      case .safetensors: try .safetensors(file)
      case .safetensorsShards, .torchShards: try .shards(file)
      case .torchZip: try .torchZip(file)
      case .torchLegacy: try .torchLegacy(file)
      case .torchDistributed: try .distributed(file)
      }
  }

  /// The format that a file's first bytes are of; safetensors files have no mark, so all else is taken for one.
  static func format(of file: RandomAccessFile) throws(CheckpointError) -> CheckpointFormat {
    let start: [UInt8]
    do {
      start = try file.beginning(64)
    } catch {
      throw CheckpointError(error)
    }
    let name = file.path.split(separator: "/").last ?? ""
    if name == Self.distributedMetadataName, start.starts(with: [0x80]) { return .torchDistributed }
    if name.hasSuffix(Self.distributedEnding) {
      throw CheckpointError(
        path: file.path, problem: "is one worker's part of a checkpoint",
        advice: "Name the folder, in which .metadata says what belongs together")
    }
    for (beginning, problem) in otherFormats where start.starts(with: beginning) {
      throw CheckpointError(path: file.path, problem: problem)
    }
    if start.starts(with: [0x50, 0x4B, 3, 4]) { return .torchZip }
    if start.starts(with: TorchLegacyFile.start) { return .torchLegacy }
    return isJSON(start) ? .safetensorsShards : .safetensors
  }

  /// What people take for a checkpoint, by its first bytes.
  private static let otherFormats: [(beginning: [UInt8], problem: String)] = [
    (
      [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A],
      "is an HDF5 file, such as a run file, not a checkpoint"
    ),
    (
      Array("version https://git-lfs".utf8),
      "is a pointer of Git LFS; fetch the file itself with git lfs pull"
    ),
    (
      Array("GGUF".utf8),
      "is a GGUF file, which cannot be read; use the safetensors files that it was made of"
    ),
  ]

  /// Safetensors files may start with a brace, too, but they have zeros in the length of their header.
  private static func isJSON(_ start: [UInt8]) -> Bool {
    let first = start.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    return first == UInt8(ascii: "{") && !start.prefix(8).contains(0)
  }

  /// What to open of a folder, the first that is there.
  private static let folderEndings = [
    ".safetensors.index.json", ".index.json", ".safetensors", "pytorch_model.bin",
  ]

  /// The file to open of a folder.
  /// - Returns: nil where `path` is no folder.
  private static func file(in path: String) throws(FileAccessError) -> String? {
    guard let names = try folderEntries(path) else { return nil }
    func error(_ problem: String) -> FileAccessError {
      FileAccessError(path: path, reason: .notARegularFile, problem: problem)
    }
    func inside(_ name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }
    if names.contains(where: { $0.hasSuffix(distributedEnding) }) {
      guard names.contains(distributedMetadataName) else {
        throw error(
          "holds workers' parts of a checkpoint (\(distributedEnding)) without the .metadata that is written last: saving did not"
            + " come to its end, or the file was not copied")
      }
      return inside(distributedMetadataName)
    }
    for ending in folderEndings {
      let candidates = names.filter { $0.hasSuffix(ending) }.sorted()
      if candidates.count > 1 {
        throw error(
          "holds several checkpoints, name one of them: \(candidates.prefix(8).joined(separator: ", "))")
      }
      if let name = candidates.first { return inside(name) }
    }
    throw error(
      "is a folder without a checkpoint: no *.index.json, *.safetensors, pytorch_model.bin or .metadata in it"
    )
  }
}
