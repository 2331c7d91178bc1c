import Checksums
import Testing

@Suite struct SHA256Tests {
  /// The examples of FIPS 180-2, appendix B.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func matchesTheStandard(text: String, digest: String) {
    #expect(SHA256.hexDigest(of: text.utf8) == digest)
  }

  @Test func matchesTheStandardOnAMillionBytes() {
    #expect(
      SHA256.hexDigest(of: Array(repeating: 0x61, count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  /// All lengths around the padding's boundaries, in pieces of changing size.
  @Test func piecesDoNotMatter() {
    for length in 0...200 {
      let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      var hash = SHA256()
      var start = 0
      var size = 1
      while start < length {
        let end = min(length, start + size)
        hash.update(Array(bytes[start..<end]))
        (start, size) = (end, size * 3 % 71 + 1)
      }
      #expect(hash.hexDigest() == SHA256.hexDigest(of: bytes))
    }
  }
}
