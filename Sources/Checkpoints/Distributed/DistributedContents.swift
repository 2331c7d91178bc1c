import FileAccess

extension CheckpointContents {
  /// The name of the file that describes a folder of `torch.distributed.checkpoint`.
  static let distributedMetadataName = ".metadata"
  /// How files end that hold parts of tensors there.
  static let distributedEnding = ".distcp"
  private static let maximumMetadataBytes = 512 << 20

  /// The tensors of the model in a folder of `torch.distributed.checkpoint`, whose parts each lie in an archive of `torch.save` inside a
  /// worker's file.
  ///
  /// - Parameter file: its `.metadata`.
  static func distributed(_ file: RandomAccessFile) throws(CheckpointError) -> CheckpointContents {
    let metadata = try metadata(file)
    let paths = metadata.tensors.map { metadata.paths[$0.name] ?? StateTree.path(ofName: $0.name) }
    let tree = StateTree(paths)
    var reader = DistributedReader(metadata: file, places: metadata.places)
    var tensors: [TensorInfo] = []
    var names: Set<String> = []
    for (tensor, path) in zip(metadata.tensors, paths) {
      guard let name = tree.name(path) else { continue }
      guard names.insert(name).inserted else {
        throw CheckpointError(path: file.path, problem: "states tensor \"\(name)\" twice")
      }
      tensors.append(try reader.info(of: tensor, named: name))
    }
    guard !tensors.isEmpty else { throw CheckpointError(path: file.path, problem: "states no tensors") }
    try reader.checkApart()
    return CheckpointContents(
      format: .torchDistributed, tensors: tensors, files: reader.files, checksums: reader.checksums)
  }

  private static func metadata(_ file: RandomAccessFile) throws(CheckpointError) -> DistributedMetadata {
    let objects = try pickleObjects(path: file.path) {
      var input = PickleInput(file, 0..<file.byteCount, limit: maximumMetadataBytes)
      return try PickleMachine.objects(from: &input, .metadata)
    }
    do throws(DistributedError) {
      return try DistributedMetadata(objects)
    } catch {
      throw CheckpointError(path: file.path, problem: error.problem, advice: error.advice)
    }
  }
}

/// Finds the parts of tensors in the workers' files, each of which is opened once.
private struct DistributedReader {
  let metadata: RandomAccessFile
  let places: [DistributedMetadata.Key: DistributedMetadata.Place]
  private(set) var files: [RandomAccessFile] = []
  private(set) var checksums: [StorageChecksum] = []
  private var indices: [String: Int] = [:]
  /// Where parts lie, by file.
  private var used: [Int: [Range<Int>]] = [:]

  init(
    metadata: RandomAccessFile, places: [DistributedMetadata.Key: DistributedMetadata.Place]
  ) {
    self.metadata = metadata
    self.places = places
  }

  private func wrong(_ problem: String, advice: String? = nil) -> CheckpointError {
    CheckpointError(path: metadata.path, problem: problem, advice: advice)
  }

  /// A tensor put together of its parts.
  mutating func info(
    of tensor: DistributedMetadata.Tensor, named name: String
  ) throws(CheckpointError) -> TensorInfo {
    guard let type = TorchStorage.elementTypes[tensor.type] else {
      throw wrong("tensor \"\(tensor.name)\" has element type \(tensor.type), which is not known")
    }
    if let problem = TensorParts.problem(tensor.boxes.map { ($0.offsets, $0.sizes) }, fill: tensor.shape) {
      throw wrong("of tensor \"\(tensor.name)\" \(problem)", advice: "Saving may not have come to its end")
    }
    var parts: [TensorParts.Part] = []
    for box in tensor.boxes where !box.sizes.contains(0) {
      parts.append(
        TensorParts.Part(offsets: box.offsets, tensor: try part(box, of: tensor, type, named: name)))
    }
    // One worker alone wrote all of it.
    if parts.count == 1, parts[0].sizes == tensor.shape { return parts[0].tensor }
    return TensorInfo(
      name: name, type: type, shape: tensor.shape,
      byteRange: 0..<(tensor.shape.reduce(1, *) * type.bitCount / 8),
      origin: .parts(TensorParts(shape: tensor.shape, parts: parts)))
  }

  private mutating func part(
    _ box: DistributedMetadata.Box, of tensor: DistributedMetadata.Tensor, _ type: TensorType,
    named name: String
  ) throws(CheckpointError) -> TensorInfo {
    guard let place = places[DistributedMetadata.Key(name: tensor.name, offsets: box.offsets)] else {
      throw wrong("does not say where tensor \"\(tensor.name)\" at \(box.offsets) lies")
    }
    let index = try open(place.file)
    let file = files[index]
    guard place.byteRange.upperBound <= file.byteCount else {
      throw CheckpointError(
        path: file.path,
        problem:
          "has \(file.byteCount) bytes; of tensor \"\(tensor.name)\" bytes up to \(place.byteRange.upperBound) are stated",
        advice: "The file is cut off: copy it again")
    }
    used[index, default: []].append(place.byteRange)
    let archive = try TorchArchive(ZipReader(file, place.byteRange))
    let objects = try CheckpointContents.pickleObjects(path: file.path) {
      var input = PickleInput(file, archive.pickle.byteRange)
      return try PickleMachine.objects(from: &input)
    }
    func damaged(_ problem: String) -> CheckpointError {
      CheckpointError(
        path: file.path, problem: "the part at \(box.offsets) of tensor \"\(tensor.name)\" \(problem)")
    }
    let found: TorchTensor?
    do throws(TorchTensorError) {
      found = try TorchTensor.found(objects.root, in: objects)
    } catch {
      throw damaged(error.problem)
    }
    guard let found else { throw damaged("is no tensor") }
    guard found.type == type, found.shape == box.sizes else {
      throw damaged(
        "is \(found.type.rawValue) of shape \(found.shape); the .metadata states \(type.rawValue) of shape \(box.sizes)"
      )
    }
    guard let entry = archive.storage(found.storage.key), found.storage.byteCount == entry.byteRange.count
    else {
      throw damaged("does not have the bytes that its pickle states")
    }
    var checksum: Int?
    if archive.hasChecksums {
      checksum = checksums.count
      checksums.append(StorageChecksum(byteRange: entry.byteRange, crc: entry.crc))
    }
    return found.info(named: name, in: StorageExtent(byteRange: entry.byteRange, checksum: checksum))
      .after(files: index, checksums: 0)
  }

  private mutating func open(_ name: String) throws(CheckpointError) -> Int {
    if let index = indices[name] { return index }
    let folder = metadata.path.lastIndex(of: "/").map { metadata.path[...$0] } ?? ""
    do throws(FileAccessError) {
      files.append(try RandomAccessFile(path: folder + name))
    } catch {
      guard error.reason == .missing else { throw CheckpointError(error) }
      throw wrong(
        "\(name), which holds parts of tensors, is missing", advice: "Copy the files of all workers")
    }
    indices[name] = files.count - 1
    return files.count - 1
  }

  /// Checks that no two parts lie over each other.
  func checkApart() throws(CheckpointError) {
    for (index, ranges) in used {
      let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
      for (one, next) in zip(sorted, sorted.dropFirst()) where next.lowerBound < one.upperBound {
        throw CheckpointError(
          path: metadata.path,
          problem:
            "states parts that overlap in \(files[index].path), at bytes \(one.lowerBound) and \(next.lowerBound)"
        )
      }
    }
  }
}
