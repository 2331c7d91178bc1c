import FileAccess
import FileTestSupport
import Foundation
import Testing

@testable import Checkpoints

/// Damaged files of `torch.save` and indices of shards: each is refused with a message, or read without touching a byte
/// outside its storages. A trap or a hang fails the whole run.
@Suite(.timeLimit(.minutes(20))) struct TorchFuzzTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// All numbers of a checkpoint that can be read.
  private func contents(_ checkpoint: Checkpoint) throws(CheckpointError) -> [String: [Double]] {
    var contents: [String: [Double]] = [:]
    for tensor in checkpoint.tensors where tensor.type.isReadable {
      contents[tensor.name] = try checkpoint.doubles(of: tensor)
    }
    return contents
  }

  /// Opens damaged files and reads all of them.
  /// - Returns: how many were read and how many refused.
  private func read(
    _ count: Int, seed: UInt64, _ damaged: (inout Generator) throws -> [UInt8]
  ) throws -> (accepted: Int, refused: Int) {
    var generator = Generator(state: seed)
    var (accepted, refused) = (0, 0)
    for _ in 0..<count {
      let path = try folder.write(try damaged(&generator), to: "fuzz.pt")
      do throws(CheckpointError) {
        let checkpoint = try Checkpoint(path: path)
        _ = try contents(checkpoint)
        _ = try ModelView(checkpoint)
        accepted += 1
      } catch {
        #expect(error.path.hasPrefix(folder.url.path))
        refused += 1
      }
    }
    return (accepted, refused)
  }

  /// A bit of every byte in turn: what a checksum covers is refused, and whatever is read is what was written.
  @Test func everyByteOfAnArchive() throws {
    let bytes = try Fixtures.bytes("types.pt")
    let original = try Checkpoint(path: Fixtures.path("types.pt"))
    let expected = try contents(original)
    let archive = try TorchArchive(RandomAccessFile(path: Fixtures.path("types.pt")))
    let covered =
      [archive.pickle.byteRange] + original.tensors.filter(\.type.isReadable).map(\.byteRange)
    var acceptedCount = 0
    for position in bytes.indices {
      var damaged = bytes
      damaged[position] ^= 1 << UInt8(position % 8)
      let path = try folder.write(damaged, to: "flipped.pt")
      guard let found = try? contents(Checkpoint(path: path)) else { continue }
      acceptedCount += 1
      #expect(!covered.contains { $0.contains(position) }, "byte \(position)")
      #expect(found == expected, "byte \(position)")
    }
    // Times, attributes and padding are nobody's; both must occur, or this tests nothing.
    #expect((100..<(bytes.count - 500)).contains(acceptedCount))
  }

  @Test func archives() throws {
    let files = try ["types.pt", "views.pt", "nested.pt", "no-checksums.pt", "fairseq-cfg.pt"].map(
      Fixtures.bytes)
    let (accepted, refused) = try read(Fuzzing.count(400), seed: 1) { generator in
      var bytes = generator.pick(files)
      for _ in 0...generator.below(3) { generator.damage(&bytes) }
      // The directory, which stands at the end, is small and would be hit rarely.
      if generator.below(2) == 0, bytes.count > 700 {
        let start = bytes.count - 600
        var end = Array(bytes[start...])
        generator.damage(&end)
        bytes.replaceSubrange(start..., with: end)
      }
      return bytes
    }
    #expect(accepted > 0 && refused > accepted)
  }

  /// Damaged pickles behind right checksums.
  @Test func pickles() throws {
    let names = ["types.pt", "views.pt", "parallel.pt", "training.pt", "fairseq-cfg.pt"]
    let originals = try names.map { name in
      let archive = try TorchArchive(RandomAccessFile(path: Fixtures.path(name)))
      let bytes = try Fixtures.bytes(name)
      var builder = ZipBuilder(pickle: Array(bytes[archive.pickle.byteRange]))
      for key in 0..<80 {
        guard let entry = archive.storage(String(key)) else { continue }
        builder.entries.append(.init(name: "archive/data/\(key)", bytes: Array(bytes[entry.byteRange])))
      }
      return builder
    }
    let opcodes =
      Array("(.NKMJGXUcqrhj)t]}aesuRbQ".utf8) + [0x80, 0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8F]
    let (accepted, refused) = try read(Fuzzing.count(400), seed: 2) { generator in
      var builder = generator.pick(originals)
      let fragments = [
        [generator.pick(opcodes)], [UInt8(ascii: "h"), UInt8(generator.below(60))],
        PickleBytes.int(Int(truncatingIfNeeded: generator.pick(Fuzzing.numbers))),
        PickleBytes.tensor(
          count: generator.below(5), offset: generator.below(3), shape: [generator.below(4)], strides: [1]),
      ]
      for _ in 0...generator.below(2) { generator.damage(&builder.entries[0].bytes, inserting: fragments) }
      return builder.bytes
    }
    #expect(accepted > 0 && refused > accepted)
  }

  @Test func legacyFiles() throws {
    let files = try ["types-legacy.pt", "views-legacy.pt", "parallel-legacy.pt", "fairseq-args-legacy.pt"]
      .map(
        Fixtures.bytes)
    let (accepted, refused) = try read(Fuzzing.count(400), seed: 3) { generator in
      var bytes = generator.pick(files)
      // The first fifteen bytes say what the file is.
      let start = Array(bytes[..<TorchLegacyFile.start.count])
      for _ in 0...generator.below(2) { generator.damage(&bytes) }
      bytes.replaceSubrange(..<min(bytes.count, start.count), with: start)
      return bytes
    }
    #expect(accepted > 0 && refused > accepted)
  }

  @Test func indicesOfShards() throws {
    let name = "shards/model.safetensors.index.json"
    let original = try Fixtures.bytes(name)
    let shards = (1...2).map { "model-0000\($0)-of-00002.safetensors" }
    for shard in shards { _ = try folder.write(try Fixtures.bytes("shards/\(shard)"), to: shard) }
    let fragments =
      ([
        "{", "}", "\"", ",", ":", "\\u0000", "../", "/etc/passwd", "\"a\":", "\"c\": \"\(shards[0])\",",
        "null", "1e999",
        "\"weight_map\":{}", shards[1],
      ]).map { Array($0.utf8) }
    let (accepted, refused) = try read(Fuzzing.count(400), seed: 4) { generator in
      var bytes = original
      for _ in 0...generator.below(2) { generator.damage(&bytes, inserting: fragments) }
      return bytes
    }
    #expect(accepted > 0 && refused > accepted)
  }
}
