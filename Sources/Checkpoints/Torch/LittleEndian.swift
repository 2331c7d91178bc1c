extension [UInt8] {
  /// The number of `count` bytes at `offset`, least significant first.
  /// - Precondition: the bytes are there, at most eight.
  func littleEndian(at offset: Int, count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in (0..<count).reversed() { value = value << 8 | UInt64(self[offset + index]) }
    return value
  }
}
