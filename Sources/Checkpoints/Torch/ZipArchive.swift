import FileAccess

/// An entry of a zip archive whose bytes are stored as they are.
struct ZipEntry: Equatable {
  let name: String
  /// The entry's own bytes in the file.
  let byteRange: Range<Int>
  let crc: UInt32
}

/// The entries of a zip archive, as `torch.save` writes them: stored, not compressed, each once, none over another.
///
/// The central directory is what counts; an entry's own header must agree with it on name and method. Sizes are taken
/// from the directory, because the entry's header may leave them to a descriptor behind the data.
struct ZipArchive {
  let path: String
  /// By name; where an entry lies counts from the file's start.
  let entries: [String: ZipEntry]
  /// Whether the archive states checksums. PyTorch can be told to leave them out; then all are zero.
  let hasChecksums: Bool

  static let maximumEntryCount = 1_000_000
  private static let maximumDirectoryBytes = 64 << 20

  /// - Throws: where the archive is cut off, damaged, encrypted, compressed or contradicts itself.
  init(_ reader: ZipReader) throws(CheckpointError) {
    let end = try reader.directoryEnd()
    guard end.byteRange.count <= Self.maximumDirectoryBytes, end.entryCount <= Self.maximumEntryCount else {
      throw reader.damaged("its directory states \(end.entryCount) entries in \(end.byteRange.count) bytes")
    }
    let records = try Self.records(try reader.bytes(end.byteRange), end, reader)
    var entries: [String: ZipEntry] = [:]
    var dataEnd = 0
    for record in records.sorted(by: { $0.headerOffset < $1.headerOffset }) {
      guard record.headerOffset >= dataEnd else {
        throw reader.damaged("entry \"\(record.name)\" overlaps the entry before it")
      }
      let start = try reader.dataStart(of: record)
      guard start <= end.byteRange.lowerBound, record.byteCount <= end.byteRange.lowerBound - start else {
        throw reader.damaged("entry \"\(record.name)\" reaches beyond the archive's data")
      }
      dataEnd = start + record.byteCount
      let entry = ZipEntry(
        name: record.name, byteRange: (reader.start + start)..<(reader.start + dataEnd), crc: record.crc)
      guard entries.updateValue(entry, forKey: record.name) == nil else {
        throw reader.damaged("entry \"\(record.name)\" occurs twice")
      }
    }
    path = reader.path
    self.entries = entries
    hasChecksums = entries.values.contains { $0.crc != 0 }
  }

  private static func records(
    _ directory: [UInt8], _ end: ZipDirectoryEnd, _ reader: ZipReader
  ) throws(CheckpointError) -> [ZipRecord] {
    var records: [ZipRecord] = []
    var position = 0
    while position < directory.count {
      let (record, next) = try ZipRecord.parse(directory, at: position, reader)
      records.append(record)
      position = next
    }
    guard records.count == end.entryCount else {
      throw reader.damaged("its directory holds \(records.count) entries and states \(end.entryCount)")
    }
    return records
  }
}

/// Where the central directory lies.
struct ZipDirectoryEnd {
  let byteRange: Range<Int>
  let entryCount: Int
}

/// The archive's bytes, by what they are; offsets count from the archive's start, which may lie inside a file.
struct ZipReader {
  private let file: RandomAccessFile
  /// Where in the file the archive starts.
  let start: Int
  let byteCount: Int

  var path: String { file.path }

  init(_ file: RandomAccessFile) { self.init(file, 0..<file.byteCount) }

  /// - Precondition: the range lies inside the file.
  init(_ file: RandomAccessFile, _ byteRange: Range<Int>) {
    self.file = file
    start = byteRange.lowerBound
    byteCount = byteRange.count
  }

  func damaged(_ problem: String) -> CheckpointError {
    CheckpointError(
      path: path, problem: "not a valid archive of torch.save: \(problem)",
      advice: "It may be cut off, damaged or written by another program")
  }

  func bytes(_ range: Range<Int>) throws(CheckpointError) -> [UInt8] {
    guard range.upperBound <= byteCount else { throw damaged("it ends before byte \(range.upperBound)") }
    do {
      return try file.bytes(at: start + range.lowerBound, count: range.count)
    } catch {
      throw CheckpointError(error)
    }
  }

  /// The bytes of an entry.
  func bytes(of entry: ZipEntry) throws(CheckpointError) -> [UInt8] {
    try bytes((entry.byteRange.lowerBound - start)..<(entry.byteRange.upperBound - start))
  }

  /// Finds the end record, which may be followed by a comment, and the larger form of it that it may point to.
  func directoryEnd() throws(CheckpointError) -> ZipDirectoryEnd {
    let tailStart = max(0, byteCount - 22 - 0xFFFF)
    let tail = try bytes(tailStart..<byteCount)
    let candidates = stride(from: tail.count - 22, through: 0, by: -1)
    let found = candidates.first { position in
      tail.littleEndian(at: position, count: 4) == 0x0605_4B50
        && position + 22 + Int(tail.littleEndian(at: position + 20, count: 2)) == tail.count
    }
    guard let found else { throw damaged("its directory, which stands at the end, is missing") }
    let endOffset = tailStart + found
    guard tail.littleEndian(at: found + 4, count: 4) == 0 else { throw damaged("it is in several parts") }
    if endOffset >= 20 {
      let locator = try bytes((endOffset - 20)..<endOffset)
      if locator.littleEndian(at: 0, count: 4) == 0x0706_4B50 {
        return try directoryEnd64(locator, endingAt: endOffset - 20)
      }
    }
    return try directoryEnd(
      count: tail.littleEndian(at: found + 10, count: 2), size: tail.littleEndian(at: found + 12, count: 4),
      offset: tail.littleEndian(at: found + 16, count: 4), endingAt: endOffset)
  }

  private func directoryEnd64(
    _ locator: [UInt8], endingAt end: Int
  ) throws(CheckpointError) -> ZipDirectoryEnd {
    guard let start = Int(exactly: locator.littleEndian(at: 8, count: 8)), start <= end - 56 else {
      throw damaged("the offset of its directory's end lies outside the file")
    }
    let record = try bytes(start..<(start + 56))
    guard record.littleEndian(at: 0, count: 4) == 0x0606_4B50,
      record.littleEndian(at: 4, count: 8) == UInt64(end - start - 12),
      record.littleEndian(at: 16, count: 8) == 0,
      record.littleEndian(at: 24, count: 8) == record.littleEndian(at: 32, count: 8)
    else { throw damaged("its directory's end is damaged") }
    return try directoryEnd(
      count: record.littleEndian(at: 32, count: 8), size: record.littleEndian(at: 40, count: 8),
      offset: record.littleEndian(at: 48, count: 8), endingAt: start)
  }

  private func directoryEnd(
    count: UInt64, size: UInt64, offset: UInt64, endingAt end: Int
  ) throws(CheckpointError) -> ZipDirectoryEnd {
    guard let count = Int(exactly: count), let size = Int(exactly: size), let offset = Int(exactly: offset),
      offset <= end, size == end - offset
    else { throw damaged("its directory does not lie where its end says") }
    return ZipDirectoryEnd(byteRange: offset..<end, entryCount: count)
  }

  /// Where an entry's bytes start: behind its own header, which must agree with the directory.
  func dataStart(of record: ZipRecord) throws(CheckpointError) -> Int {
    let nameEnd = record.headerOffset + 30 + record.nameBytes.count
    guard record.headerOffset <= byteCount - 30, nameEnd <= byteCount else {
      throw damaged("the header of entry \"\(record.name)\" lies outside the file")
    }
    let header = try bytes(record.headerOffset..<nameEnd)
    guard header.littleEndian(at: 0, count: 4) == 0x0403_4B50, header.littleEndian(at: 8, count: 2) == 0,
      header.littleEndian(at: 6, count: 2) & ZipRecord.refusedFlags == 0,
      Int(header.littleEndian(at: 26, count: 2)) == record.nameBytes.count,
      header[30...].elementsEqual(record.nameBytes)
    else { throw damaged("the header of entry \"\(record.name)\" contradicts the directory") }
    return nameEnd + Int(header.littleEndian(at: 28, count: 2))
  }
}
