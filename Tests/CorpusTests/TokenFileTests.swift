import Checksums
import FileTestSupport
import Foundation
import RunData
import Testing

@testable import Corpus

@Suite struct TokenFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func message(_ body: @autoclosure () throws -> some Any) -> String {
    do {
      _ = try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private func header(magic: Int32, version: Int32, count: Int32, width: Int32 = 0) -> [UInt8] {
    ([magic, version, count, width] + Array(repeating: 0, count: 252)).flatMap(littleEndian)
  }

  // MARK: - What is read

  @Test func textIsItsBytes() throws {
    let text = "Grüße, 世界 🌍\n"
    let file = try TokenFile(path: folder.write(text, to: "a.txt"))
    #expect(try file.tokens(in: 0..<file.tokenCount) == text.utf8.map(Int32.init))
    #expect(file.vocabularySize == 256)
    #expect(file.format == .text)
    #expect(file.facts.sha256 == SHA256.hexDigest(of: text.utf8))
    #expect(file.facts.name == "a.txt")
    #expect(file.facts.tokenCount == text.utf8.count)
    #expect(file.facts.entropyRate == nil)
  }

  @Test func entropyIsThatOfTheFrequencies() throws {
    let file = try TokenFile(path: folder.write("aabc", to: "a.txt"))
    // -(1/2 ln 1/2 + 2 * 1/4 ln 1/4) = 1.5 ln 2, up to rounding.
    #expect(abs(file.facts.unigramEntropy - 1.5 * 0.693_147_180_559_945_3) < 1e-15)
    #expect(try TokenFile(path: folder.write("aaaa", to: "b.txt")).facts.unigramEntropy == 0)
  }

  /// Windows are 1 MiB: a three-byte character lies across the boundary, and reads cross it too.
  @Test func windowsDoNotShow() throws {
    let bytes = Array(("a" + String(repeating: "€", count: 800_000)).utf8)
    let file = try TokenFile(path: folder.write(bytes, to: "long.txt"))
    #expect(file.tokenCount == 2_400_001)
    #expect(file.facts.sha256 == SHA256.hexDigest(of: bytes))
    let range = 900_000..<1_200_000
    #expect(try file.tokens(in: range) == bytes[range].map(Int32.init))
    #expect(try file.tokens(in: 2_400_000..<2_400_001) == [0xAC])
  }

  @Test func nanoGPTIsHeaderless16Bit() throws {
    let file = try TokenFile(path: folder.write16([5, 50_256, 0, 7], to: "train.bin"))
    #expect(file.format == .nanogpt)
    #expect(try file.tokens(in: 0..<4) == [5, 50_256, 0, 7])
    #expect(file.vocabularySize == 50_257)
  }

  @Test(arguments: [
    (Int32(20_240_520), Int32(1), Int32(0), 2), (20_240_801, 7, 0, 4), (278_895_051, 1, 2, 2),
    (278_895_051, 1, 4, 4),
  ])
  func llmcIsKnownByItsMagic(magic: Int32, version: Int32, width: Int32, bytesPerToken: Int) throws {
    let tokens = [3, 1, 60_000]
    let body = tokens.flatMap { Array(littleEndian(UInt32($0)).prefix(bytesPerToken)) }
    // The name does not matter.
    let path = try folder.write(
      header(magic: magic, version: version, count: 3, width: width) + body, to: "fineweb")
    let file = try TokenFile(path: path)
    #expect(file.format == .llmc)
    #expect(try file.tokens(in: 0..<3) == [3, 1, 60_000])
    #expect(try file.tokens(in: 1..<2) == [1])
    #expect(file.vocabularySize == 60_001)
    #expect(try TokenFile(path: path, vocabularySize: 65_536).vocabularySize == 65_536)
  }

  @Test func aFormatCanBeDemanded() throws {
    let path = try folder.write("abcd", to: "text.bin")
    #expect(try TokenFile(path: path).tokens(in: 0..<2) == [0x6261, 0x6463])
    #expect(try TokenFile(path: path, format: .text).tokens(in: 0..<2) == [0x61, 0x62])
    #expect(message(try TokenFile(path: path, format: .llmc)).contains("1024"))
  }

  // MARK: - What is refused

  @Test func pathsThatAreNoFile() throws {
    let missing = folder.path("nowhere.txt")
    #expect(message(try TokenFile(path: missing)) == "\(missing): no such file")
    let path = folder.url.path
    #expect(
      message(try TokenFile(path: path)) == "\(path): is a folder, not a file")
    let device = message(try TokenFile(path: "/dev/zero"))
    #expect(device == "/dev/zero: is a device, pipe or socket, not a file")
    let pipe = folder.path("pipe")
    let made = unsafe mkfifo(pipe, 0o600)
    #expect(made == 0)
    let error = message(try TokenFile(path: pipe))
    #expect(error == "\(pipe): is a device, pipe or socket, not a file")
  }

  @Test func emptyFiles() throws {
    for name in ["a.txt", "a.bin"] {
      let path = try folder.write("", to: name)
      #expect(message(try TokenFile(path: path)) == "\(path): is empty")
    }
  }

  @Test(
    arguments: [
      ([0x61, 0x00, 0x62], "byte 1 (counted from 0) is NUL"),
      ([0x61, 0x62, 0xFF], "byte 2 (counted from 0) is 0xff"),
      ([0x80], "byte 0 (counted from 0) is 0x80"),
      ([0xC0, 0x80], "byte 0 (counted from 0) is 0xc0"),
      ([0xE0, 0x80, 0x80], "byte 1 (counted from 0) is 0x80"),
      ([0xED, 0xA0, 0x80], "byte 1 (counted from 0) is 0xa0"),
      ([0xF4, 0x90, 0x80, 0x80], "byte 1 (counted from 0) is 0x90"),
      ([0xC3, 0x28], "byte 1 (counted from 0) is 0x28"),
      ([0x61, 0xE2, 0x82], "ends inside a UTF-8 character, at byte 3"),
    ] as [([UInt8], String)])
  func binaryPassedAsText(bytes: [UInt8], expected: String) throws {
    let path = try folder.write(bytes, to: "a.txt")
    #expect(message(try TokenFile(path: path)).contains(expected))
  }

  /// Every string of Unicode scalars is accepted, as the standard library encodes it.
  @Test func allCharactersAreText() throws {
    let codes: [UInt32] =
      Array(1...0x900) + Array(stride(from: 0x901, through: 0x10FFFF, by: 97)) + [0x10FFFF]
    let scalars = codes.compactMap { Unicode.Scalar($0) }
    let text = String(String.UnicodeScalarView(scalars))
    #expect(try TokenFile(path: folder.write(text, to: "all.txt")).tokenCount == text.utf8.count)
  }

  @Test func theFirstBadByteIsFoundFarIn() throws {
    var bytes = Array(repeating: UInt8(0x61), count: 1_500_000)
    bytes[1_200_345] = 0
    let path = try folder.write(bytes, to: "a.txt")
    let error = message(try TokenFile(path: path))
    #expect(error.contains("byte 1200345 (counted from 0) is NUL"))
  }

  @Test func idsBeyondTheVocabulary() throws {
    let nanoGPT = try folder.write16([1, 2, 300, 4], to: "a.bin")
    let error = message(try TokenFile(path: nanoGPT, vocabularySize: 300))
    #expect(error.contains("token 2 (counted from 0) has id 300, but in a vocabulary of 300 ids end at 299"))
    let text = try folder.write("abc~", to: "a.txt")
    let textError = message(try TokenFile(path: text, vocabularySize: 100))
    #expect(textError.contains("token 3 (counted from 0) has id 126"))
    for size in [-5, 0, 1, 1 << 23] {
      let sizeError = message(try TokenFile(path: text, vocabularySize: size))
      #expect(sizeError.contains("a vocabulary of \(size) is outside 2...4194304"))
    }
  }

  @Test func idsThatNoTokenizerHas() throws {
    let body = [7, UInt32.max].flatMap(littleEndian)
    let path = try folder.write(
      header(magic: 278_895_051, version: 1, count: 2, width: 4) + body, to: "a.bin")
    let error = message(try TokenFile(path: path))
    #expect(error.contains("token 1 (counted from 0) has id 4294967295; no vocabulary is that large"))
  }

  @Test func onlyZeros() throws {
    let path = try folder.write16([0, 0, 0], to: "a.bin")
    #expect(message(try TokenFile(path: path)).contains("nothing but token id 0"))
  }

  @Test func oddSizedBin() throws {
    let path = try folder.write([1, 2, 3], to: "a.bin")
    let error = message(try TokenFile(path: path))
    #expect(error.contains("has 3 bytes, an odd number"))
  }

  @Test func damagedHeaders() throws {
    let body = [UInt16(1), 2, 3].flatMap(littleEndian)
    func error(_ bytes: [UInt8]) throws -> String {
      let path = try folder.write(bytes, to: "a.bin")
      return message(try TokenFile(path: path))
    }
    #expect(try error(header(magic: 20_240_520, version: 2, count: 3) + body).contains("version 2"))
    #expect(
      try error(header(magic: 20_240_520, version: 1, count: 4) + body)
        .contains("states 4 tokens of 2 bytes in its header, but 6 bytes follow"))
    #expect(
      try error(header(magic: 20_240_520, version: 1, count: -1) + body).contains("states -1 tokens"))
    #expect(
      try error(header(magic: 20_240_520, version: 1, count: .max) + body).contains("but 6 bytes follow"))
    #expect(
      try error(header(magic: 278_895_051, version: 1, count: 3, width: 8) + body)
        .contains("states 8 bytes a token"))
    #expect(try error(header(magic: 20_240_520, version: 1, count: 0)).contains("holds no tokens"))
    #expect(
      try error(Array(header(magic: 20_240_520, version: 1, count: 3).prefix(100))).contains("100 bytes"))
    let path = try folder.write(header(magic: 1, version: 1, count: 3) + body, to: "b.bin")
    #expect(
      message(try TokenFile(path: path, format: .llmc))
        .contains("starts with 1, not with one of llm.c's magics"))
  }

  // MARK: - Files that change

  @Test(arguments: [0, 2, 6])
  func aFileThatIsWrittenToIsRefused(newCount: Int) throws {
    let path = try folder.write("abcd", to: "a.txt")
    let file = try TokenFile(path: path)
    #expect(try file.tokens(in: 0..<4) == [97, 98, 99, 100])
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.truncate(atOffset: UInt64(newCount))
    try handle.close()
    let error = message(try file.tokens(in: 0..<1))
    #expect(error.contains("was changed by another program"))
  }

  @Test func aFileThatIsReplacedStaysTheOldOne() throws {
    let path = try folder.write("abcd", to: "a.txt")
    let file = try TokenFile(path: path)
    let other = try folder.write("efgh", to: "b.txt")
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.moveItem(atPath: other, toPath: path)
    #expect(try file.tokens(in: 0..<4) == [97, 98, 99, 100])
  }
}
