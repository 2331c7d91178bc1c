import FileAccess

extension CheckpointContents {
  /// The tensors of a zip archive of `torch.save`.
  static func torchZip(_ file: RandomAccessFile) throws(CheckpointError) -> CheckpointContents {
    let archive = try TorchArchive(file)
    let objects = try pickleObjects(path: file.path) {
      var input = PickleInput(file, archive.pickle.byteRange)
      return try PickleMachine.objects(from: &input)
    }
    var checksums: [StorageChecksum] = []
    var extents: [String: StorageExtent] = [:]
    let dict = try StateDict(objects, path: file.path)
    for (_, tensor) in dict.tensors where extents[tensor.storage.key] == nil {
      guard let entry = archive.storage(tensor.storage.key) else {
        throw CheckpointError(path: file.path, problem: "storage \(tensor.storage.key) is missing")
      }
      extents[tensor.storage.key] = StorageExtent(
        byteRange: entry.byteRange, checksum: archive.hasChecksums ? checksums.count : nil)
      if archive.hasChecksums {
        checksums.append(StorageChecksum(byteRange: entry.byteRange, crc: entry.crc))
      }
    }
    return CheckpointContents(
      format: .torchZip, tensors: try placed(dict, extents, path: file.path),
      metadata: Hyperparameters(objects).metadata, files: [file], checksums: checksums)
  }

  /// The tensors of a file of `torch.save` before PyTorch 1.6.
  static func torchLegacy(_ file: RandomAccessFile) throws(CheckpointError) -> CheckpointContents {
    let legacy = try pickleObjects(path: file.path) { try TorchLegacyFile(file) }
    let dict = try StateDict(legacy.objects, path: file.path)
    return CheckpointContents(
      format: .torchLegacy, tensors: try placed(dict, legacy.extents, path: file.path),
      metadata: Hyperparameters(legacy.objects).metadata, files: [file])
  }

  static func pickleObjects<Objects>(
    path: String, _ body: () throws -> Objects
  ) throws(CheckpointError) -> Objects {
    do {
      return try body()
    } catch let error as PickleError {
      throw CheckpointError(
        path: path, problem: "its pickle cannot be read: \(error.problem) (byte \(error.position))",
        advice: "It may be cut off, damaged or no state dict of PyTorch's")
    } catch let error as FileAccessError {
      throw CheckpointError(error)
    } catch let error as CheckpointError {
      throw error
    } catch {
      throw CheckpointError(path: path, problem: "\(error)")
    }
  }

  /// Tensors at their bytes, in the order of these; a storage must have exactly the bytes that the pickle states.
  private static func placed(
    _ dict: StateDict, _ extents: [String: StorageExtent], path: String
  ) throws(CheckpointError) -> [TensorInfo] {
    var tensors: [TensorInfo] = []
    for (name, tensor) in dict.tensors {
      guard let extent = extents[tensor.storage.key] else {
        throw CheckpointError(
          path: path, problem: "storage \(tensor.storage.key) of tensor \"\(name)\" is missing")
      }
      guard let stated = tensor.storage.byteCount, stated == extent.byteRange.count else {
        throw CheckpointError(
          path: path,
          problem: "storage \(tensor.storage.key) of tensor \"\(name)\" has \(extent.byteRange.count) bytes; "
            + "the pickle states \(tensor.storage.elementCount) elements")
      }
      tensors.append(tensor.info(named: name, in: extent))
    }
    return tensors.sorted { ($0.byteRange.lowerBound, $0.name) < ($1.byteRange.lowerBound, $1.name) }
  }
}
