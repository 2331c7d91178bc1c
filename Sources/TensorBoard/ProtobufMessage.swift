/// A protocol-buffer message that is being encoded, its fields in the order in which they were appended.
///
/// Wire format: [protobuf.dev/programming-guides/encoding](https://protobuf.dev/programming-guides/encoding).
public struct ProtobufMessage: Equatable, Sendable {
  /// The encoded fields.
  public private(set) var bytes: [UInt8] = []

  /// A message without fields.
  public init() {}

  /// How the bytes of a field are delimited.
  private enum WireType: UInt64 {
    case varint = 0
    case fixed64 = 1
    case delimited = 2
    case fixed32 = 5
  }

  /// Appends an `int64` field; a negative number takes ten bytes.
  public mutating func append(_ field: Int, integer: Int64) {
    appendKey(field, .varint)
    appendVarint(UInt64(bitPattern: integer))
  }

  /// Appends a `double` field.
  public mutating func append(_ field: Int, double: Double) {
    appendKey(field, .fixed64)
    bytes.appendLittleEndian(double.bitPattern)
  }

  /// Appends a `float` field.
  public mutating func append(_ field: Int, float: Float) {
    appendKey(field, .fixed32)
    bytes.appendLittleEndian(float.bitPattern)
  }

  /// Appends a `string` field.
  public mutating func append(_ field: Int, text: String) { append(field, encoded: Array(text.utf8)) }

  /// Appends a field of an encoded message, or of bytes.
  public mutating func append(_ field: Int, encoded: [UInt8]) {
    appendKey(field, .delimited)
    appendVarint(UInt64(encoded.count))
    bytes += encoded
  }

  private mutating func appendKey(_ field: Int, _ type: WireType) {
    precondition((1..<1 << 29).contains(field), "no field \(field)")
    appendVarint(UInt64(field) << 3 | type.rawValue)
  }

  /// Seven bits a byte, the lowest first; the eighth says that more follow.
  private mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

extension [UInt8] {
  /// Appends an integer's bytes, the lowest first.
  mutating func appendLittleEndian<Word: FixedWidthInteger>(_ word: Word) {
    for shift in stride(from: 0, to: Word.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: word >> Word(shift)))
    }
  }
}
