import Testing

@testable import TensorBoard

@Suite struct ProtobufMessageTests {
  private func encoded(_ build: (inout ProtobufMessage) -> Void) -> [UInt8] {
    var message = ProtobufMessage()
    build(&message)
    return message.bytes
  }

  /// The examples of the format's description: `a = 150` in field 1, `b = "testing"` in field 2, and the first as a
  /// message in field 3.
  @Test func examplesOfTheDescription() {
    #expect(encoded { $0.append(1, integer: 150) } == [0x08, 0x96, 0x01])
    #expect(encoded { $0.append(2, text: "testing") } == [0x12, 0x07] + Array("testing".utf8))
    #expect(encoded { $0.append(3, encoded: [0x08, 0x96, 0x01]) } == [0x1A, 0x03, 0x08, 0x96, 0x01])
  }

  @Test func everyWireTypeAtItsEdges() {
    #expect(encoded { $0.append(1, integer: 0) } == [0x08, 0x00])
    #expect(encoded { $0.append(1, integer: 127) } == [0x08, 0x7F])
    #expect(encoded { $0.append(1, integer: 128) } == [0x08, 0x80, 0x01])
    #expect(encoded { $0.append(1, integer: -1) } == [0x08] + Array(repeating: 0xFF, count: 9) + [0x01])
    #expect(encoded { $0.append(1, double: 1) } == [0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
    #expect(encoded { $0.append(2, float: -2) } == [0x15, 0, 0, 0, 0xC0])
    // A field number above 15 takes two bytes.
    #expect(encoded { $0.append(16, text: "") } == [0x82, 0x01, 0x00])
  }

  @Test func lengthsAreOfBytesNotOfCharacters() {
    #expect(encoded { $0.append(1, text: "α") } == [0x0A, 0x02, 0xCE, 0xB1])
    #expect(
      Array(encoded { $0.append(1, encoded: Array(repeating: 7, count: 300)) }.prefix(3)) == [
        0x0A, 0xAC, 0x02,
      ])
  }
}
