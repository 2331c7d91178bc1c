/// What is wrong with a safetensors header, and at which byte of it.
struct HeaderError: Error, Equatable {
  var problem: String
  var position: Int
}

/// Reads the JSON that safetensors headers are made of: objects of strings, strings and lists of whole numbers.
///
/// Nothing else of JSON can occur in a valid header, so nothing else is understood, but for the numbers and truth values
/// that an index of shards may have as metadata. The depth is fixed by the callers, no
/// length is believed before its bytes are there, and every call moves forward or throws.
struct HeaderScanner {
  private let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func error(_ problem: String) -> HeaderError { HeaderError(problem: problem, position: position) }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipWhitespace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
  }

  mutating func expect(_ character: Unicode.Scalar) throws(HeaderError) {
    skipWhitespace()
    guard next == UInt8(ascii: character) else {
      throw error("expected \(character), found \(found)")
    }
    position += 1
  }

  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipWhitespace()
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  mutating func expectEnd() throws(HeaderError) {
    skipWhitespace()
    guard position == bytes.count else { throw error("expected the end, found \(found)") }
  }

  private var found: String {
    guard let next else { return "the end" }
    return (0x21...0x7E).contains(next)
      ? String(UnicodeScalar(next)) : "byte 0x" + String(next, radix: 16)
  }

  /// Reads `{ "key": ..., ... }`; `member` reads each value.
  mutating func object(
    _ member: (inout HeaderScanner, String) throws(HeaderError) -> Void
  ) throws(HeaderError) {
    try expect("{")
    if skip("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while skip(",")
    try expect("}")
  }

  /// Reads `[1, 2, ...]` of numbers that are not negative and fit an `Int`.
  mutating func wholeNumbers(atMost limit: Int) throws(HeaderError) -> [Int] {
    try expect("[")
    var numbers: [Int] = []
    if skip("]") { return numbers }
    repeat {
      guard numbers.count < limit else { throw error("more than \(limit) numbers in a list") }
      numbers.append(try wholeNumber())
    } while skip(",")
    try expect("]")
    return numbers
  }

  private mutating func wholeNumber() throws(HeaderError) -> Int {
    skipWhitespace()
    let start = position
    var value = 0
    while let byte = next, (0x30...0x39).contains(byte) {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(byte - 0x30))
      guard !overflow, !carry else { throw error("a number that does not fit 63 bits") }
      value = sum
      position += 1
    }
    guard position > start else { throw error("expected a whole number, found \(found)") }
    guard bytes[start] != 0x30 || position == start + 1 else { throw error("a number with a leading 0") }
    return value
  }

  /// Reads a string, number, truth value or null as text.
  mutating func scalarText() throws(HeaderError) -> String {
    skipWhitespace()
    if next == UInt8(ascii: "\"") { return try string() }
    let start = position
    while let byte = next, Self.scalarBytes.contains(byte), position - start < 64 { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard ["true", "false", "null"].contains(text) || Double(text) != nil else {
      throw HeaderError(problem: "expected a string or a number", position: start)
    }
    return text
  }

  private static let scalarBytes = Set("+-.0123456789Eaeflnrstu".utf8)

  /// Reads a string with JSON's escapes, of at most `limit` bytes in UTF-8.
  mutating func string(atMost limit: Int = 4096) throws(HeaderError) -> String {
    try expect("\"")
    let start = position
    var text: [UInt8] = []
    while let byte = next {
      guard text.count <= limit else { throw error("a string of more than \(limit) bytes") }
      position += 1
      switch byte {
      case 0x22:
        guard let string = String(validating: text, as: UTF8.self) else {
          throw HeaderError(problem: "a string that is not UTF-8", position: start)
        }
        return string
      case 0x5C: text += try escape()
      case 0..<0x20:
        throw HeaderError(problem: "a control character in a string", position: position - 1)
      default: text.append(byte)
      }
    }
    throw HeaderError(problem: "a string without an end", position: start)
  }

  /// The UTF-8 bytes of what follows a backslash.
  private mutating func escape() throws(HeaderError) -> [UInt8] {
    guard let byte = next else { throw error("a string without an end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw error("an escape that JSON does not have")
    }
  }

  private mutating func unicodeEscape() throws(HeaderError) -> [UInt8] {
    var code = try hexadecimal()
    if (0xD800...0xDBFF).contains(code) {
      guard next == 0x5C else { throw error("half a surrogate pair") }
      position += 1
      guard next == UInt8(ascii: "u") else { throw error("half a surrogate pair") }
      position += 1
      let low = try hexadecimal()
      guard (0xDC00...0xDFFF).contains(low) else { throw error("half a surrogate pair") }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func hexadecimal() throws(HeaderError) -> UInt32 {
    guard position + 4 <= bytes.count else { throw error("an escape without four hexadecimal digits") }
    var code: UInt32 = 0
    for byte in bytes[position..<(position + 4)] {
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw error("an escape without four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
    }
    position += 4
    return code
  }
}
