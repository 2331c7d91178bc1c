import Testing

@testable import TensorBoard

@Suite struct ScalarEventTests {
  @Test func recordsHaveLengthAndMaskedChecksums() {
    var file: [UInt8] = []
    TFRecord.append(Array("123456789".utf8), to: &file)
    #expect(Array(file[..<8]) == [9, 0, 0, 0, 0, 0, 0, 0])
    #expect(Array(file[12..<21]) == Array("123456789".utf8))
    #expect(file.count == 8 + 4 + 9 + 4)
    // CRC-32C of "123456789" is 0xE3069283; rotated right by 15 bits it is 0x2507C60D, and with the constant 0xC78AB0E5.
    #expect(TFRecord.maskedChecksum(Array("123456789".utf8)) == 0xC78A_B0E5)
    #expect(Array(file[21...]) == [0xE5, 0xB0, 0x8A, 0xC7])
  }

  @Test func theFirstEventNamesTheVersion() {
    #expect(
      ScalarEvent.fileVersion(wallTime: 1)
        == [0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0x1A, 13] + Array("brain.Event:2".utf8))
  }

  @Test func scalarsOfAStepAreOneSummary() {
    var event = ScalarEvent()
    #expect(event.isEmpty)
    event.append(ScalarTag("a"), 1)
    event.append(ScalarTag("bc"), .infinity)
    let first: [UInt8] = [0x0A, 8, 0x0A, 1, 0x61, 0x15, 0, 0, 0x80, 0x3F]
    let second: [UInt8] = [0x0A, 9, 0x0A, 2, 0x62, 0x63, 0x15, 0, 0, 0x80, 0x7F]
    let time: [UInt8] = [0x09, 0, 0, 0, 0, 0, 0, 0, 0x40]
    #expect(
      event.encoded(step: 300, wallTime: 2)
        == time + [0x10, 0xAC, 0x02, 0x2A, UInt8(first.count + second.count)] + first + second)
  }

  @Test func numbersThatAreNotFiniteStayWhatTheyAre() {
    var event = ScalarEvent()
    event.append(ScalarTag("x"), .nan)
    let bits = event.encoded(step: 0, wallTime: 0).suffix(4).reversed().reduce(UInt32(0)) {
      $0 << 8 | UInt32($1)
    }
    #expect(Float(bitPattern: bits).isNaN)
  }
}
