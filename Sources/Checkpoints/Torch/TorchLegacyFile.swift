import FileAccess

/// What `torch.save` wrote before PyTorch 1.6: pickles of a magic number, a version, facts about the machine, the object
/// and the storages' keys; then each storage, its number of elements first.
struct TorchLegacyFile {
  let objects: PickleObjects
  /// Where the storages lie, by key.
  private(set) var extents: [String: StorageExtent] = [:]

  /// How such a file starts: the pickle of the magic number 0x1950A86A20F9469CFC6C.
  static let start: [UInt8] = [
    0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, UInt8(ascii: "."),
  ]

  init(_ file: RandomAccessFile) throws {
    var input = PickleInput(file, 0..<file.byteCount)
    _ = try input.take(Self.start.count)
    try Self.checkVersion(&input)
    try Self.checkByteOrder(&input)
    objects = try PickleMachine.objects(from: &input)
    let keys = try PickleMachine.objects(from: &input)
    guard case .list = keys[keys.root] else { throw input.error("does not end with a list of storages") }
    try locate((keys.items[keys.root] ?? []).map(keys.text), from: input.position, file)
  }

  private static func checkVersion(_ input: inout PickleInput) throws {
    let version = try PickleMachine.objects(from: &input)
    guard version.int(version.root) == 1001 else {
      throw input.error("is not version 1001 of torch.save's form")
    }
  }

  private static func checkByteOrder(_ input: inout PickleInput) throws {
    let facts = try PickleMachine.objects(from: &input)
    guard let reference = facts.value("little_endian", in: facts.root), case .bool(true) = facts[reference]
    else {
      throw input.error("does not say that its numbers are little-endian")
    }
  }

  private mutating func locate(_ keys: [String?], from start: Int, _ file: RandomAccessFile) throws {
    var stated: [String: TorchStorage] = [:]
    for index in objects.nodes.indices {
      if let storage = TorchStorage(PickleObjects.Reference(index), in: objects) {
        stated[storage.key] = storage
      }
    }
    var position = start
    for key in keys {
      func error(_ problem: String) -> PickleError {
        PickleError(problem: "storage \(key ?? "without a name") \(problem)", position: position)
      }
      guard let key, let storage = stated[key], let byteCount = storage.byteCount else {
        throw error("is not one of the pickle's")
      }
      guard file.byteCount - position >= 8, byteCount <= file.byteCount - position - 8 else {
        throw error("lies beyond the end of the file")
      }
      let count = try file.bytes(at: position, count: 8).littleEndian(at: 0, count: 8)
      guard count == UInt64(storage.elementCount) else {
        throw error("has another size than the pickle states")
      }
      position += 8
      let extent = StorageExtent(byteRange: position..<(position + byteCount), checksum: nil)
      guard extents.updateValue(extent, forKey: key) == nil else { throw error("occurs twice") }
      position += byteCount
    }
    guard position == file.byteCount else {
      throw PickleError(problem: "is followed by \(file.byteCount - position) bytes more", position: position)
    }
  }
}
