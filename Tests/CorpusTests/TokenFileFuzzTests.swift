import FileTestSupport
import Foundation
import RunData
import Testing

@testable import Corpus

/// Damaged token files: every one is refused with a message, or read to its last token.
@Suite struct TokenFileFuzzTests {
  private static func whole(_ format: TokenFileFormat) -> [UInt8] {
    let text = Array("Some text, größer als ASCII.\n".utf8)
    let header = ([20_240_520, 1, Int32(text.count / 2)] + Array(repeating: 0, count: 253)).flatMap(
      littleEndian)
    return format == .llmc ? header + text.prefix(text.count / 2 * 2) : text
  }

  @Test(arguments: TokenFileFormat.allCases)
  func areRefusedOrRead(format: TokenFileFormat) throws {
    let folder = try TemporaryFolder()
    let environment = ProcessInfo.processInfo.environment
    let count = environment["NF_PROBE_FUZZ_COUNT"].flatMap(Int.init) ?? 600
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15 &+ (environment["NF_PROBE_FUZZ_SEED"].flatMap(UInt64.init) ?? 0)
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var (accepted, refused) = (0, 0)
    for _ in 0..<count {
      var bytes = Self.whole(format)
      for _ in 0..<below(3) where !bytes.isEmpty {
        // Headers are mostly zeros: half of the damage goes to the words that mean something.
        let position = below(2) == 0 ? below(min(16, bytes.count)) : below(bytes.count)
        switch below(3) {
        case 0: bytes[position] ^= 1 << UInt8(below(8))
        case 1: bytes.removeSubrange(position...)
        default: bytes.insert(UInt8(below(256)), at: position)
        }
      }
      let path = try folder.write(bytes, to: format == .text ? "a.txt" : "a.bin")
      do throws(CorpusError) {
        let file = try TokenFile(path: path, format: below(2) == 0 ? format : nil)
        let tokens = try file.tokens(in: 0..<file.tokenCount)
        #expect(tokens.allSatisfy { $0 >= 0 && $0 < file.vocabularySize })
        #expect(file.facts.unigramEntropy.isFinite)
        accepted += 1
      } catch {
        #expect(error.description.hasPrefix(path))
        refused += 1
      }
    }
    print("\(count) files of format \(format): \(accepted) read, \(refused) refused")
    #expect(accepted > count / 12 && refused > count / 12)
  }
}
