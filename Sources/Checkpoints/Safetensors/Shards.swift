import FileAccess

extension CheckpointContents {
  /// The tensors of all shards of an index, each of which must be where the index says.
  static func shards(_ file: RandomAccessFile) throws(CheckpointError) -> CheckpointContents {
    let index = try ShardIndex(file)
    let names = Set(index.shards.values).sorted()
    guard names.count <= ShardIndex.maximumShardCount else {
      throw CheckpointError(path: index.path, problem: "names \(names.count) shards")
    }
    var all = CheckpointContents(format: .safetensorsShards, tensors: [], metadata: index.metadata, files: [])
    var formats: Set<CheckpointFormat> = []
    for name in names {
      let shard = try shard(name, of: index)
      formats.insert(shard.format)
      for tensor in shard.tensors {
        guard let expected = index.shards[tensor.name] else {
          throw CheckpointError(
            path: index.path,
            problem: "\(name) holds tensor \"\(tensor.name)\", which the index does not name")
        }
        guard expected == name else {
          throw CheckpointError(
            path: index.path,
            problem: "tensor \"\(tensor.name)\" lies in \(name); the index says \(expected)")
        }
        all.tensors.append(tensor.after(files: all.files.count, checksums: all.checksums.count))
      }
      all.files += shard.files
      all.checksums += shard.checksums
      all.metadata.merge(shard.metadata) { first, _ in first }
    }
    try checkComplete(all.tensors, index)
    guard formats.isSubset(of: [.safetensors]) || formats == [.torchZip] else {
      throw CheckpointError(
        path: index.path, problem: "names shards that are neither all safetensors nor all zip")
    }
    if formats == [.torchZip] { all.format = .torchShards }
    return all
  }

  private static func shard(
    _ name: String, of index: ShardIndex
  ) throws(CheckpointError) -> CheckpointContents {
    let folder = index.path.lastIndex(of: "/").map { index.path[...$0] } ?? ""
    let file: RandomAccessFile
    do {
      file = try RandomAccessFile(path: folder + name)
    } catch {
      if error.reason == .missing {
        throw CheckpointError(path: index.path, problem: "shard \(name) is missing")
      }
      throw CheckpointError(error)
    }
    // An index in the place of a shard would be followed without end.
    switch try format(of: file) {
    case .torchZip: return try torchZip(file)
    default: return try safetensors(file)
    }
  }

  private static func checkComplete(
    _ tensors: [TensorInfo], _ index: ShardIndex
  ) throws(CheckpointError) {
    guard tensors.count < index.shards.count else { return }
    let present = Set(tensors.map(\.name))
    let missing = index.shards.filter { !present.contains($0.key) }.min { $0.key < $1.key }
    guard let missing else { return }
    throw CheckpointError(path: index.path, problem: "tensor \"\(missing.key)\" is not in \(missing.value)")
  }
}
