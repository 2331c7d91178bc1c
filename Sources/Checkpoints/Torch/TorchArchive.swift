import Checksums
import FileAccess

/// A zip archive of `torch.save`: one folder with a pickle and the storages that it names.
struct TorchArchive {
  private let zip: ZipArchive
  private let folder: String
  /// The entry with the pickle; its checksum is right.
  let pickle: ZipEntry

  var hasChecksums: Bool { zip.hasChecksums }

  init(_ file: RandomAccessFile) throws(CheckpointError) { try self.init(ZipReader(file)) }

  init(_ reader: ZipReader) throws(CheckpointError) {
    zip = try ZipArchive(reader)
    let suffix = "/data.pkl"
    let pickles = zip.entries.values.filter {
      $0.name.hasSuffix(suffix) && !$0.name.dropLast(suffix.count).contains("/")
    }
    guard pickles.count == 1, let pickle = pickles.first else {
      throw reader.damaged("\(pickles.isEmpty ? "it holds no" : "it holds more than one") data.pkl")
    }
    self.pickle = pickle
    folder = String(pickle.name.dropLast(suffix.count))
    guard zip.entries["\(folder)/constants.pkl"] == nil else {
      throw CheckpointError(
        path: reader.path, problem: "is a TorchScript program", advice: "Save the model's state_dict()")
    }
    guard pickle.byteRange.count <= PickleInput.maximumByteCount else {
      throw reader.damaged("its pickle has \(pickle.byteRange.count) bytes")
    }
    try check(pickle, reader)
    if let order = zip.entries["\(folder)/byteorder"] { try checkByteOrder(order, reader) }
  }

  /// The entry of a storage.
  func storage(_ key: String) -> ZipEntry? { zip.entries["\(folder)/data/\(key)"] }

  private func check(_ entry: ZipEntry, _ reader: ZipReader) throws(CheckpointError) {
    guard zip.hasChecksums else { return }
    guard CRC32.value(of: try reader.bytes(of: entry)) == entry.crc else {
      throw reader.damaged("\(entry.name) does not have the checksum that the archive states")
    }
  }

  private func checkByteOrder(_ entry: ZipEntry, _ reader: ZipReader) throws(CheckpointError) {
    try check(entry, reader)
    guard entry.byteRange.count <= 16, try reader.bytes(of: entry).elementsEqual("little".utf8) else {
      throw CheckpointError(
        path: zip.path, problem: "its numbers are stored in another byte order than little-endian",
        advice: "Load and save it again on a little-endian machine")
    }
  }
}
