import FileAccess

/// One line of a zip archive's central directory.
struct ZipRecord {
  let name: String
  let nameBytes: ArraySlice<UInt8>
  let crc: UInt32
  let byteCount: Int
  let headerOffset: Int

  /// Encrypted, patched, strongly encrypted, masked.
  static let refusedFlags: UInt64 = 1 | 1 << 5 | 1 << 6 | 1 << 13

  /// Reads the record at a position, and returns where the next one starts.
  static func parse(
    _ bytes: [UInt8], at start: Int, _ reader: ZipReader
  ) throws(CheckpointError) -> (record: ZipRecord, next: Int) {
    guard start + 46 <= bytes.count, bytes.littleEndian(at: start, count: 4) == 0x0201_4B50 else {
      throw reader.damaged("its directory is damaged at byte \(start)")
    }
    func field(_ offset: Int, _ count: Int) -> UInt64 { bytes.littleEndian(at: start + offset, count: count) }
    let (nameCount, extraCount) = (Int(field(28, 2)), Int(field(30, 2)))
    let nameStart = start + 46
    let next = nameStart + nameCount + extraCount + Int(field(32, 2))
    guard next <= bytes.count else { throw reader.damaged("its directory ends inside an entry") }
    let nameBytes = bytes[nameStart..<(nameStart + nameCount)]
    let name = try name(nameBytes, reader)
    guard field(8, 2) & refusedFlags == 0 else {
      throw reader.damaged("entry \"\(name)\" is encrypted")
    }
    guard field(10, 2) == 0 else {
      throw reader.damaged(
        "entry \"\(name)\" is compressed (method \(field(10, 2))); torch.save stores entries")
    }
    let wide = Zip64Field(
      bytes[(nameStart + nameCount)..<(nameStart + nameCount + extraCount)],
      wanted: [field(24, 4) == 0xFFFF_FFFF, field(20, 4) == 0xFFFF_FFFF, field(42, 4) == 0xFFFF_FFFF])
    guard let wide else { throw reader.damaged("the sizes of entry \"\(name)\" are damaged") }
    let size = wide.values[0] ?? field(24, 4)
    guard size == wide.values[1] ?? field(20, 4), let byteCount = Int(exactly: size),
      let headerOffset = Int(exactly: wide.values[2] ?? field(42, 4)),
      byteCount <= reader.byteCount, headerOffset <= reader.byteCount, field(34, 2) == 0
    else { throw reader.damaged("entry \"\(name)\" lies outside the file") }
    let record = ZipRecord(
      name: name, nameBytes: nameBytes, crc: UInt32(field(16, 4)), byteCount: byteCount,
      headerOffset: headerOffset)
    return (record, next)
  }

  /// Names are never taken for paths; one that could be is a sign of an archive that nobody's torch.save wrote.
  private static func name(
    _ bytes: ArraySlice<UInt8>, _ reader: ZipReader
  ) throws(CheckpointError) -> String {
    guard let name = String(validating: bytes, as: UTF8.self), !name.isEmpty else {
      throw reader.damaged("an entry's name is no text")
    }
    let components = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !components.contains(".."), !components.contains("."), !components.contains(""),
      !name.utf8.contains(0), !name.utf8.contains(UInt8(ascii: "\\"))
    else { throw reader.damaged("entry \"\(name)\" is named like a path outside the archive") }
    return name
  }
}

/// The extra field that holds what does not fit 32 bits.
private struct Zip64Field {
  /// Size, stored size and header offset, where they are wanted.
  let values: [UInt64?]

  /// - Returns: nil where a wanted value is missing.
  init?(_ extra: ArraySlice<UInt8>, wanted: [Bool]) {
    guard wanted.contains(true) else {
      values = wanted.map { _ in nil }
      return
    }
    let extra = Array(extra)
    var position = 0
    while position + 4 <= extra.count {
      let size = Int(extra.littleEndian(at: position + 2, count: 2))
      guard position + 4 + size <= extra.count else { return nil }
      guard extra.littleEndian(at: position, count: 2) == 1 else {
        position += 4 + size
        continue
      }
      var values: [UInt64?] = []
      var start = position + 4
      for isWanted in wanted {
        guard isWanted else {
          values.append(nil)
          continue
        }
        guard start + 8 <= position + 4 + size else { return nil }
        values.append(extra.littleEndian(at: start, count: 8))
        start += 8
      }
      self.values = values
      return
    }
    return nil
  }
}
