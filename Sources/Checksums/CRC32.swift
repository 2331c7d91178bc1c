/// The cyclic redundancy check of zip archives: polynomial 0x04C11DB7, reflected (ISO 3309).
public struct CRC32: Sendable {
  private var state: UInt32 = .max

  /// The sum of no bytes.
  public init() {}

  /// The sum of the bytes so far.
  public var value: UInt32 { ~state }

  /// Adds the first `count` bytes.
  public mutating func update(_ bytes: [UInt8], count: Int) {
    var crc = state
    var position = 0
    // Eight bytes a round, each through its own table: a table's entry is a byte's effect after the bytes behind it.
    while position + 8 <= count {
      crc ^=
        UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8 | UInt32(bytes[position + 2]) << 16
        | UInt32(bytes[position + 3]) << 24
      crc =
        Self.tables[0x700 + Int(crc & 0xFF)] ^ Self.tables[0x600 + Int(crc >> 8 & 0xFF)]
        ^ Self.tables[0x500 + Int(crc >> 16 & 0xFF)] ^ Self.tables[0x400 + Int(crc >> 24)]
        ^ Self.tables[0x300 + Int(bytes[position + 4])] ^ Self.tables[0x200 + Int(bytes[position + 5])]
        ^ Self.tables[0x100 + Int(bytes[position + 6])] ^ Self.tables[Int(bytes[position + 7])]
      position += 8
    }
    while position < count {
      crc = Self.tables[Int((crc ^ UInt32(bytes[position])) & 0xFF)] ^ crc >> 8
      position += 1
    }
    state = crc
  }

  /// The sum of all bytes.
  public static func value(of bytes: [UInt8]) -> UInt32 {
    var crc = CRC32()
    crc.update(bytes, count: bytes.count)
    return crc.value
  }

  /// Eight tables of 256: entry `256 * k + b` is byte `b`, followed by `k` zeros.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
      tables[byte] = crc
    }
    for index in 256..<(8 * 256) {
      let shorter = tables[index - 256]
      tables[index] = tables[Int(shorter & 0xFF)] ^ shorter >> 8
    }
    return tables
  }()
}
