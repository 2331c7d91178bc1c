import Checksums
import FileAccess

/// The checksum that a checkpoint may keep of its tensors' bytes, in its metadata.
public enum DataChecksum {
  /// The metadata's key. Its value is the CRC-32C of all bytes behind the header, as eight hexadecimal digits.
  public static let metadataKey = "data_crc32c"

  /// What the metadata hold for a checksum.
  public static func text(_ checksum: UInt32) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// What a checkpoint's checksum says of its data.
  public enum Verdict: Equatable, Sendable {
    /// The file keeps none.
    case unchecked
    /// The data are as they were written.
    case whole
    /// The data, or the checksum, were changed: both as the metadata have them.
    case damaged(stored: String, found: String)
  }

  /// Reads all data of a checkpoint once and compares them with its checksum, if it keeps one.
  /// - Throws: where the file cannot be read.
  public static func verify(_ checkpoint: SafetensorsFile) throws(CheckpointError) -> Verdict {
    guard let stored = checkpoint.metadata[metadataKey] else { return .unchecked }
    do {
      let file = try RandomAccessFile(path: checkpoint.path)
      let start = checkpoint.tensors.first?.byteRange.lowerBound ?? file.byteCount
      let found = text(try checksum(of: file, from: start))
      return found == stored ? .whole : .damaged(stored: stored, found: found)
    } catch {
      throw CheckpointError(error)
    }
  }

  private static func checksum(of file: RandomAccessFile, from start: Int) throws(FileAccessError) -> UInt32 {
    var crc = CRC32C()
    var words = [UInt64](repeating: 0, count: 1 << 17)
    var offset = start
    while file.byteCount - offset >= 8 {
      let count = min(words.count, (file.byteCount - offset) / 8)
      try file.read(into: &words, range: 0..<count, at: offset)
      crc.update(words, 0..<count)
      offset += 8 * count
    }
    crc.update(try file.bytes(at: offset, count: file.byteCount - offset))
    return crc.value
  }
}
