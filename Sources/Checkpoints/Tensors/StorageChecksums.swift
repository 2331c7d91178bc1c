import Checksums
import FileAccess
import Synchronization

/// The CRC-32 that a zip archive states for the bytes of one storage.
struct StorageChecksum: Equatable, Sendable {
  let byteRange: Range<Int>
  let crc: UInt32
}

/// Checks each storage once, when a tensor of it is first read.
///
/// Opening would otherwise read the whole file, and a sum over a part of a storage says nothing. A storage is in the
/// common case one tensor, which is then read twice, the second time from the system's cache.
final class StorageChecksums: Sendable {
  private let checksums: [StorageChecksum]
  private let checked = Mutex<Set<Int>>([])

  init(_ checksums: [StorageChecksum]) { self.checksums = checksums }

  /// - Throws: where the bytes cannot be read or do not have the checksum.
  func check(_ index: Int, in file: RandomAccessFile, tensor: String) throws(CheckpointError) {
    guard !checked.withLock({ $0.contains(index) }) else { return }
    let (stated, range) = (checksums[index].crc, checksums[index].byteRange)
    var crc = CRC32()
    var window = [UInt8](repeating: 0, count: min(range.count, 1 << 20))
    var done = 0
    while done < range.count {
      let count = min(window.count, range.count - done)
      do {
        try file.read(into: &window, range: 0..<count, at: range.lowerBound + done)
      } catch {
        throw CheckpointError(error)
      }
      crc.update(window, count: count)
      done += count
    }
    guard crc.value == stated else {
      throw CheckpointError(
        path: file.path,
        problem: "the bytes of tensor \"\(tensor)\" do not have the checksum that the file states",
        advice: "The file is damaged: copy it again")
    }
    checked.withLock { _ = $0.insert(index) }
  }
}
