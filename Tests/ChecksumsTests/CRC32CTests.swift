import Testing

@testable import Checksums

@Suite struct CRC32CTests {
  private func checksum(_ bytes: [UInt8]) -> UInt32 {
    var crc = CRC32C()
    crc.update(bytes)
    return crc.value
  }

  /// The check value of the CRC catalogue, and the vectors of RFC 3720, B.4.
  @Test func knownVectors() {
    #expect(checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(checksum(Array(repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(checksum(Array(repeating: 255, count: 32)) == 0x62A8_AB43)
    #expect(checksum(Array(0..<32)) == 0x46DD_794E)
    #expect(checksum([]) == 0)
  }

  @Test func wordsEqualTheirLittleEndianBytes() {
    let doubles = [1.5, -.pi, .infinity, 0x1p-1074]
    let floats: [Float] = [1.5, -0.1]
    let integers: [Int32] = [-2, .max]
    var words = CRC32C()
    words.update(doubles)
    words.update(floats)
    words.update(integers)
    words.update([UInt32(0x0102_0304)])
    words.update([Int64(-3)])
    var bytes: [UInt8] = []
    func append<Word: FixedWidthInteger>(_ word: Word) {
      bytes += (0..<Word.bitWidth / 8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    doubles.forEach { append($0.bitPattern) }
    floats.forEach { append($0.bitPattern) }
    integers.forEach { append($0) }
    append(UInt32(0x0102_0304))
    append(Int64(-3))
    #expect(words.value == checksum(bytes))
  }

  @Test func textEndsAreCounted() {
    var joined = CRC32C()
    joined.update("ab")
    joined.update("c")
    var moved = CRC32C()
    moved.update("a")
    moved.update("bc")
    #expect(joined.value != moved.value)
  }

  /// Both ways, from every start and end within a word, and of every kind of number.
  @Test func theInstructionAgreesWithTheTables() {
    let bytes = (0..<100).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
    for start in 0..<9 {
      for end in 60..<70 {
        var (fast, slow) = (CRC32C(), CRC32C.byTables)
        fast.update(bytes, start..<end)
        slow.update(bytes, start..<end)
        #expect(fast.value == slow.value, "\(start)..<\(end)")
      }
    }
    let reals = (0..<37).map { Double($0) * 1.1e-3 }
    var (fast, slow) = (CRC32C(), CRC32C.byTables)
    fast.update(reals, 3..<31)
    slow.update(reals, 3..<31)
    fast.update(reals.map(Float.init))
    slow.update(reals.map(Float.init))
    fast.update(reals.map { Int32($0 * 1e4) })
    slow.update(reals.map { Int32($0 * 1e4) })
    fast.update("γ")
    slow.update("γ")
    #expect(fast.value == slow.value)
  }
}
