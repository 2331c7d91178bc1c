import Checksums
import FileTestSupport

@testable import Checkpoints

/// Zip archives as `torch.save` writes them, and others that it would never write.
struct ZipBuilder {
  struct Entry {
    var name: String
    var bytes: [UInt8]
    var flags: UInt16 = 0
    var method: UInt16 = 0
    /// Stated in place of the right one.
    var crc: UInt32?
    /// Stated in the directory in place of the right one.
    var size: UInt32?
    var headerOffset: UInt32?
    /// The name in the entry's own header, where it is another.
    var ownName: String?
  }

  var entries: [Entry] = []
  var entryCount: UInt16?
  var comment: [UInt8] = []

  /// The archive of a pickle and storages.
  init(pickle: [UInt8] = [], storages: [String: [UInt8]] = [:]) {
    entries = [Entry(name: "archive/data.pkl", bytes: pickle)]
    for (key, bytes) in storages.sorted(by: { $0.key < $1.key }) {
      entries.append(Entry(name: "archive/data/\(key)", bytes: bytes))
    }
  }

  var bytes: [UInt8] {
    var archive: [UInt8] = []
    var directory: [UInt8] = []
    for entry in entries {
      let offset = UInt32(archive.count)
      let size = UInt32(entry.bytes.count)
      let crc = entry.crc ?? CRC32.value(of: entry.bytes)
      func fields(_ size: UInt32, _ name: String) -> [UInt8] {
        littleEndian(entry.flags) + littleEndian(entry.method) + [0, 0, 0, 0] + littleEndian(crc)
          + littleEndian(size) + littleEndian(size) + littleEndian(UInt16(name.utf8.count)) + [0, 0]
      }
      let ownName = entry.ownName ?? entry.name
      archive += [0x50, 0x4B, 3, 4, 20, 0] + fields(size, ownName) + Array(ownName.utf8) + entry.bytes
      directory += [0x50, 0x4B, 1, 2, 20, 0, 20, 0] + fields(entry.size ?? size, entry.name)
      directory += [UInt8](repeating: 0, count: 10) + littleEndian(entry.headerOffset ?? offset)
      directory += Array(entry.name.utf8)
    }
    let count = entryCount ?? UInt16(entries.count)
    return archive + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + littleEndian(count) + littleEndian(count)
      + littleEndian(UInt32(directory.count)) + littleEndian(UInt32(archive.count))
      + littleEndian(UInt16(comment.count)) + comment
  }
}

/// Pickles of protocol 2, an opcode at a time.
enum PickleBytes {
  static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

  static func text(_ text: String) -> [UInt8] {
    [UInt8(ascii: "X")] + littleEndian(UInt32(text.utf8.count)) + Array(text.utf8)
  }

  /// As LONG1, in eight bytes.
  static func int(_ value: Int) -> [UInt8] { [0x8A, 8] + littleEndian(value) }

  static func tuple(_ elements: [[UInt8]]) -> [UInt8] {
    [UInt8(ascii: "(")] + elements.joined() + [UInt8(ascii: "t")]
  }

  static func dict(_ pairs: [(String, [UInt8])]) -> [UInt8] {
    Array("}(".utf8) + pairs.flatMap { text($0.0) + $0.1 } + [UInt8(ascii: "u")]
  }

  /// A view of a storage.
  static func tensor(
    _ key: String = "0", type: String = "FloatStorage", count: Int, offset: Int = 0, shape: [Int],
    strides: [Int]
  ) -> [UInt8] {
    let storage =
      tuple([text("storage"), global("torch", type), text(key), text("cpu"), int(count)]) + [
        UInt8(ascii: "Q")
      ]
    let arguments = [
      storage, int(offset), tuple(shape.map(int)), tuple(strides.map(int)), [0x89], Array("}".utf8),
    ]
    return global("torch._utils", "_rebuild_tensor_v2") + tuple(arguments) + [UInt8(ascii: "R")]
  }

  static func pickle(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + [UInt8(ascii: ".")] }
}
