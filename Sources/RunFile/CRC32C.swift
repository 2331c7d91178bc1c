/// The checksum CRC-32C (Castagnoli), fed with words as they lie in a little-endian file.
///
/// Polynomial 0x82F63B78, reflected, start and end inverted: that of iSCSI, ext4 and TensorBoard. Eight bytes are
/// taken at once with eight tables ("slicing by 8").
struct CRC32C {
  private var state: UInt32 = .max

  /// The checksum of what was fed so far.
  var value: UInt32 { ~state }

  /// Feeds numbers.
  mutating func update<Element: ChecksummedElement>(_ elements: [Element]) {
    update(elements, elements.indices)
  }

  /// Feeds some of the numbers of an array.
  mutating func update<Element: ChecksummedElement>(_ elements: [Element], _ range: Range<Int>) {
    Self.tables.withSpan { table in
      var state = state
      for index in range { elements[index].feed(&state, table) }
      self.state = state
    }
  }

  /// Feeds a string's UTF-8 bytes and a NUL, so that `ab`, `c` and `a`, `bc` differ.
  mutating func update(_ text: String) {
    update(Array(text.utf8))
    update([UInt8(0)])
  }

  static func feed(_ state: inout UInt32, word: UInt64, _ table: Span<UInt32>) {
    let low = state ^ UInt32(truncatingIfNeeded: word)
    let high = UInt32(truncatingIfNeeded: word >> 32)
    state =
      table[7 * 256 + Int(low & 255)] ^ table[6 * 256 + Int(low >> 8 & 255)]
      ^ table[5 * 256 + Int(low >> 16 & 255)] ^ table[4 * 256 + Int(low >> 24)]
      ^ table[3 * 256 + Int(high & 255)] ^ table[2 * 256 + Int(high >> 8 & 255)]
      ^ table[256 + Int(high >> 16 & 255)] ^ table[Int(high >> 24)]
  }

  static func feed(_ state: inout UInt32, word: UInt32, _ table: Span<UInt32>) {
    let mixed = state ^ word
    state =
      table[3 * 256 + Int(mixed & 255)] ^ table[2 * 256 + Int(mixed >> 8 & 255)]
      ^ table[256 + Int(mixed >> 16 & 255)] ^ table[Int(mixed >> 24)]
  }

  static func feed(_ state: inout UInt32, byte: UInt8, _ table: Span<UInt32>) {
    state = state >> 8 ^ table[Int(UInt8(truncatingIfNeeded: state) ^ byte)]
  }

  /// Entry `256 * k + b`: the checksum register after byte b and k zero bytes.
  private static let tables: Tables = Tables()

  private struct Tables {
    private var entries = [UInt32](repeating: 0, count: 8 * 256)

    init() {
      for byte in 0..<256 {
        entries[byte] = (0..<8).reduce(UInt32(byte)) { register, _ in
          register & 1 == 0 ? register >> 1 : register >> 1 ^ 0x82F6_3B78
        }
      }
      for index in 256..<(8 * 256) {
        let shorter = entries[index - 256]
        entries[index] = shorter >> 8 ^ entries[Int(shorter & 255)]
      }
    }

    func withSpan(_ body: (Span<UInt32>) -> Void) { body(entries.span) }
  }
}

/// A number that a ``CRC32C`` can be fed with.
protocol ChecksummedElement {
  func feed(_ state: inout UInt32, _ table: Span<UInt32>)
}

extension Double: ChecksummedElement {
  func feed(_ state: inout UInt32, _ table: Span<UInt32>) {
    CRC32C.feed(&state, word: bitPattern, table)
  }
}

extension Float: ChecksummedElement {
  func feed(_ state: inout UInt32, _ table: Span<UInt32>) {
    CRC32C.feed(&state, word: bitPattern, table)
  }
}

extension Int64: ChecksummedElement {
  func feed(_ state: inout UInt32, _ table: Span<UInt32>) {
    CRC32C.feed(&state, word: UInt64(bitPattern: self), table)
  }
}

extension Int32: ChecksummedElement {
  func feed(_ state: inout UInt32, _ table: Span<UInt32>) {
    CRC32C.feed(&state, word: UInt32(bitPattern: self), table)
  }
}

extension UInt32: ChecksummedElement {
  func feed(_ state: inout UInt32, _ table: Span<UInt32>) {
    CRC32C.feed(&state, word: self, table)
  }
}

extension UInt8: ChecksummedElement {
  func feed(_ state: inout UInt32, _ table: Span<UInt32>) {
    CRC32C.feed(&state, byte: self, table)
  }
}
