import FileAccess

/// How a checkpoint is stored.
public enum CheckpointFormat: String, Sendable, CaseIterable {
  /// One safetensors file.
  case safetensors
  /// Several safetensors files with an index.
  case safetensorsShards = "safetensors-shards"
  /// What `torch.save` writes since PyTorch 1.6: a zip archive with one pickle.
  case torchZip = "torch-zip"
  /// What `torch.save` wrote before: five pickles and the storages.
  case torchLegacy = "torch-legacy"
}

extension CheckpointContents {
  init(path: String) throws(CheckpointError) {
    let file: RandomAccessFile
    do {
      file = try RandomAccessFile(path: path)
    } catch {
      throw CheckpointError(error)
    }
    self = try .safetensors(file)
  }
}
