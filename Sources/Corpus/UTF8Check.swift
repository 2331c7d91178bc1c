/// Finds the first byte at which text that arrives in pieces is not UTF-8, or is a NUL.
///
/// Well-formed byte sequences are those of the Unicode Standard, table 3-7. NUL is valid UTF-8, but in practice the sign
/// of a binary file or of UTF-16.
struct UTF8Check {
  /// Continuation bytes still expected, and the range of the next one.
  private var expected = 0
  private var allowed: ClosedRange<UInt8> = 0x80...0xBF

  /// Whether the bytes so far end between two characters.
  var isComplete: Bool { expected == 0 }

  /// The index of the first bad byte among the first `count`, or nil.
  mutating func firstBadByte(in bytes: [UInt8], count: Int) -> Int? {
    for index in 0..<count where !accept(bytes[index]) { return index }
    return nil
  }

  private mutating func accept(_ byte: UInt8) -> Bool {
    if expected > 0 {
      guard allowed.contains(byte) else { return false }
      expected -= 1
      allowed = 0x80...0xBF
      return true
    }
    if byte > 0, byte < 0x80 { return true }
    switch byte {
    case 0xC2...0xDF: expect(1, 0x80...0xBF)
    case 0xE0: expect(2, 0xA0...0xBF)
    case 0xE1...0xEC, 0xEE...0xEF: expect(2, 0x80...0xBF)
    case 0xED: expect(2, 0x80...0x9F)
    case 0xF0: expect(3, 0x90...0xBF)
    case 0xF1...0xF3: expect(3, 0x80...0xBF)
    case 0xF4: expect(3, 0x80...0x8F)
    default: return false
    }
    return true
  }

  private mutating func expect(_ count: Int, _ range: ClosedRange<UInt8>) {
    expected = count
    allowed = range
  }
}
