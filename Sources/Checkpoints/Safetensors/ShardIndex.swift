import FileAccess

/// The index of a checkpoint in several files: which file, the shard, holds which tensor.
struct ShardIndex {
  let path: String
  let metadata: [String: String]
  /// Shards by the names of their tensors.
  let shards: [String: String]

  private static let maximumByteCount = 32 << 20
  static let maximumShardCount = 1000

  init(_ file: RandomAccessFile) throws(CheckpointError) {
    path = file.path
    do {
      guard file.byteCount <= Self.maximumByteCount else {
        throw HeaderError(problem: "it has more than \(Self.maximumByteCount >> 20) MiB", position: 0)
      }
      (metadata, shards) = try Self.parse(try file.bytes(at: 0, count: file.byteCount))
    } catch let error as HeaderError {
      throw CheckpointError(
        path: file.path, problem: "not a valid index of shards: \(error.problem) (byte \(error.position))")
    } catch let error as FileAccessError {
      throw CheckpointError(error)
    } catch {
      throw CheckpointError(path: file.path, problem: "\(error)")
    }
  }

  private static func parse(
    _ bytes: [UInt8]
  ) throws(HeaderError) -> (metadata: [String: String], shards: [String: String]) {
    var scanner = HeaderScanner(bytes)
    var metadata: [String: String]?
    var shards: [String: String]?
    try scanner.object { (scanner, key) throws(HeaderError) in
      switch key {
      case "metadata" where metadata == nil:
        metadata = try members(&scanner) { (scanner) throws(HeaderError) in try scanner.scalarText() }
      case "weight_map" where shards == nil:
        shards = try members(&scanner) { (scanner) throws(HeaderError) in try shardName(&scanner) }
      default: throw scanner.error("\"\(key)\" is not expected here")
      }
    }
    try scanner.expectEnd()
    guard let shards else { throw scanner.error("weight_map is missing") }
    return (metadata ?? [:], shards)
  }

  private static func members(
    _ scanner: inout HeaderScanner, _ value: (inout HeaderScanner) throws(HeaderError) -> String
  ) throws(HeaderError) -> [String: String] {
    var members: [String: String] = [:]
    try scanner.object { (scanner, key) throws(HeaderError) in
      guard members.updateValue(try value(&scanner), forKey: key) == nil else {
        throw scanner.error("\"\(key)\" occurs twice")
      }
      guard members.count <= SafetensorsHeader.maximumTensorCount else {
        throw scanner.error("more than \(SafetensorsHeader.maximumTensorCount) tensors")
      }
    }
    return members
  }

  /// A shard lies beside its index: its name is a name, never a path.
  private static func shardName(_ scanner: inout HeaderScanner) throws(HeaderError) -> String {
    let name = try scanner.string(atMost: 255)
    guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")),
      !name.utf8.contains(0)
    else { throw scanner.error("\"\(name)\" is not the name of a file beside the index") }
    return name
  }
}
