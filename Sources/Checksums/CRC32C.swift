import CChecksums

/// The checksum CRC-32C (Castagnoli), fed with words as they lie in a little-endian file.
///
/// Polynomial 0x82F63B78, reflected, start and end inverted: that of iSCSI, ext4 and TensorBoard. The processor's own
/// instruction makes it where there is one, else eight tables that take eight bytes at once ("slicing by 8").
public struct CRC32C: Sendable {
  private var state: UInt32 = .max
  private let usesInstruction: Bool

  /// The checksum of nothing.
  public init() {
    usesInstruction = Self.hasInstruction
  }

  /// The checksum of nothing, by tables alone: what the instruction is compared with.
  static var byTables: CRC32C { CRC32C(usesInstruction: false) }

  private init(usesInstruction: Bool) {
    self.usesInstruction = usesInstruction
  }

  private static let hasInstruction = nf_probe_has_crc32c()

  /// The checksum of what was fed so far.
  public var value: UInt32 { ~state }

  /// Feeds numbers.
  public mutating func update<Element: ChecksummedElement>(_ elements: [Element]) {
    update(elements, elements.indices)
  }

  /// Feeds some of the numbers of an array.
  public mutating func update<Element: ChecksummedElement>(_ elements: [Element], _ range: Range<Int>) {
    guard usesInstruction else { return Element.feed(elements, range, &self) }
    let stride = MemoryLayout<Element>.stride
    state = unsafe elements.withUnsafeBytes { bytes in
      let part = unsafe UnsafeRawBufferPointer(
        rebasing: bytes[range.lowerBound * stride..<range.upperBound * stride])
      return unsafe nf_probe_crc32c(state, part.baseAddress, part.count)
    }
  }

  /// Feeds a string's UTF-8 bytes and a NUL, so that `ab`, `c` and `a`, `bc` differ.
  public mutating func update(_ text: String) {
    update(Array(text.utf8))
    update([UInt8(0)])
  }

  /// Feeds words of eight bytes.
  @inline(__always)
  fileprivate mutating func update(_ range: Range<Int>, words: (Int) -> UInt64) {
    let table = Self.table.span
    var state = state
    for index in range {
      let word = words(index)
      let low = state ^ UInt32(truncatingIfNeeded: word)
      let high = UInt32(truncatingIfNeeded: word >> 32)
      let first =
        table[7 * 256 + Int(low & 255)] ^ table[6 * 256 + Int(low >> 8 & 255)]
        ^ table[5 * 256 + Int(low >> 16 & 255)] ^ table[4 * 256 + Int(low >> 24)]
      let second =
        table[3 * 256 + Int(high & 255)] ^ table[2 * 256 + Int(high >> 8 & 255)]
        ^ table[256 + Int(high >> 16 & 255)] ^ table[Int(high >> 24)]
      state = first ^ second
    }
    self.state = state
  }

  /// Feeds words of four bytes.
  @inline(__always)
  fileprivate mutating func update(_ range: Range<Int>, halfWords: (Int) -> UInt32) {
    let table = Self.table.span
    var state = state
    for index in range {
      let mixed = state ^ halfWords(index)
      state =
        table[3 * 256 + Int(mixed & 255)] ^ table[2 * 256 + Int(mixed >> 8 & 255)]
        ^ table[256 + Int(mixed >> 16 & 255)] ^ table[Int(mixed >> 24)]
    }
    self.state = state
  }

  fileprivate mutating func update(_ range: Range<Int>, bytes: (Int) -> UInt8) {
    let table = Self.table.span
    for index in range { state = state >> 8 ^ table[Int(UInt8(truncatingIfNeeded: state) ^ bytes(index))] }
  }

  /// Entry `256 * k + b`: the checksum register after byte b and k zero bytes.
  private static let table: [UInt32] = {
    var entries = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      entries[byte] = (0..<8).reduce(UInt32(byte)) { register, _ in
        register & 1 == 0 ? register >> 1 : register >> 1 ^ 0x82F6_3B78
      }
    }
    for index in 256..<(8 * 256) {
      let shorter = entries[index - 256]
      entries[index] = shorter >> 8 ^ entries[Int(shorter & 255)]
    }
    return entries
  }()
}

/// A number that a ``CRC32C`` can be fed with. Whole ranges, so that the loop over them is compiled for each type.
public protocol ChecksummedElement: BitwiseCopyable {
  /// Feeds some of the numbers of an array.
  static func feed(_ elements: [Self], _ range: Range<Int>, _ checksum: inout CRC32C)
}

extension Double: ChecksummedElement {
  /// Feeds the little-endian bytes of each.
  public static func feed(_ elements: [Double], _ range: Range<Int>, _ checksum: inout CRC32C) {
    checksum.update(range, words: { elements[$0].bitPattern })
  }
}

extension Float: ChecksummedElement {
  /// Feeds the little-endian bytes of each.
  public static func feed(_ elements: [Float], _ range: Range<Int>, _ checksum: inout CRC32C) {
    checksum.update(range, halfWords: { elements[$0].bitPattern })
  }
}

extension Int64: ChecksummedElement {
  /// Feeds the little-endian bytes of each.
  public static func feed(_ elements: [Int64], _ range: Range<Int>, _ checksum: inout CRC32C) {
    checksum.update(range, words: { UInt64(bitPattern: elements[$0]) })
  }
}

extension Int32: ChecksummedElement {
  /// Feeds the little-endian bytes of each.
  public static func feed(_ elements: [Int32], _ range: Range<Int>, _ checksum: inout CRC32C) {
    checksum.update(range, halfWords: { UInt32(bitPattern: elements[$0]) })
  }
}

extension UInt32: ChecksummedElement {
  /// Feeds the little-endian bytes of each.
  public static func feed(_ elements: [UInt32], _ range: Range<Int>, _ checksum: inout CRC32C) {
    checksum.update(range, halfWords: { elements[$0] })
  }
}

extension UInt8: ChecksummedElement {
  /// Feeds the little-endian bytes of each.
  public static func feed(_ elements: [UInt8], _ range: Range<Int>, _ checksum: inout CRC32C) {
    checksum.update(range, bytes: { elements[$0] })
  }
}
