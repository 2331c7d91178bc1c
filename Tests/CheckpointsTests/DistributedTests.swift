import FileTestSupport
import Foundation
import FuzzTestSupport
import Testing

@testable import Checkpoints

/// Folders of `torch.distributed.checkpoint`, made by `Fixtures/make_distributed.py` with one worker and with four.
@Suite(.timeLimit(.minutes(20))) struct DistributedTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ name: String) throws -> Checkpoint {
    try Checkpoint(path: Fixtures.path("distributed/\(name)"))
  }

  private func contents(_ checkpoint: Checkpoint) throws -> [String: [Double]] {
    var contents: [String: [Double]] = [:]
    for tensor in checkpoint.tensors { contents[tensor.name] = try checkpoint.doubles(of: tensor) }
    return contents
  }

  @Test(arguments: [("one", "model.pt"), ("four", "model.pt"), ("four-after", "model-after.pt")])
  func theModelIsTheOneOfTheStateDict(name: String, plain: String) throws {
    let (saved, expected) = (try open(name), try open(plain))
    #expect(saved.format == .torchDistributed)
    #expect(try contents(saved) == contents(expected))
    for tensor in expected.tensors {
      #expect(saved[tensor.name]?.shape == tensor.shape && saved[tensor.name]?.type == tensor.type)
    }
    // The optimizer's moments, the step and the name are no weights.
    #expect(saved.tensors.count == expected.tensors.count)
    #expect(saved.hasChecksums)
    #expect(try saved.damagedTensors() == [])
  }

  @Test func fourWorkersPartsAreParts() throws {
    let saved = try open("four")
    let parts = saved.tensors.map { $0.storedTensors.count }
    // Rows on four workers, of six rows on three; columns on three; F8 and the scalar norm's bias on one.
    #expect(Set(parts) == [1, 3, 4])
    #expect(saved["layers.0.down.weight"]?.storedTensors.map(\.shape) == [[6, 3], [6, 3], [6, 3]])
    #expect(saved["embed_tokens.weight"]?.storedTensors.map(\.shape) == [[3, 6], [3, 6], [3, 6], [1, 6]])
    #expect(saved.tiedTensors.isEmpty)
  }

  /// Windows that begin and end anywhere, of the whole, of slices and of the transposed.
  @Test func windowsAndViews() throws {
    let (saved, plain) = (try open("four"), try open("model.pt"))
    for name in ["layers.0.down.weight", "embed_tokens.weight", "layers.1.up.weight"] {
      let (own, expected) = (try #require(saved[name]), try #require(plain[name]))
      let views = [
        (own, expected), (own.transposed, expected.transposed),
        (own.slice(1..<4, dimension: 0), expected.slice(1..<4, dimension: 0)),
        (own.slice(2..<6, dimension: 1).transposed, expected.slice(2..<6, dimension: 1).transposed),
      ]
      for (own, expected) in views {
        let all = try plain.floats(of: expected)
        #expect(try saved.floats(of: own) == all)
        for lower in stride(from: 0, to: all.count, by: 5) {
          for upper in stride(from: lower, through: all.count, by: 7) {
            var values = [Float](repeating: 9, count: upper - lower + 2)
            try saved.read(own, elements: lower..<upper, into: &values, at: 1)
            let framed: [Float] = [9] + Array(all[lower..<upper]) + [9]
            #expect(values == framed)
          }
        }
      }
    }
  }

  @Test func partsInTwoDimensions() {
    func part(_ offsets: [Int], _ sizes: [Int]) -> TensorParts.Part {
      TensorParts.Part(
        offsets: offsets, tensor: TensorInfo(name: "", type: .f32, shape: sizes, byteRange: 0..<0))
    }
    let parts = TensorParts(
      shape: [4, 5, 2], parts: [part([1, 2, 0], [2, 3, 1]), part([0, 0, 1], [4, 5, 1])])
    for part in parts.parts {
      var places: [Int] = []
      let count = part.sizes.reduce(1, *)
      parts.forEachRun(of: part, 0..<count) { _, place, count in places += place..<(place + count) }
      #expect(places.count == count)
      for index in 0...40 { #expect(parts.count(of: part, before: index) == places.count { $0 < index }) }
    }
    let number = TensorParts(shape: [], parts: [part([], [])])
    #expect(
      number.count(of: number.parts[0], before: 0) == 0 && number.count(of: number.parts[0], before: 1) == 1)
  }

  // MARK: - Refusals

  /// A copy of `four`, changed.
  private func changed(_ change: (URL) throws -> Void) throws -> String {
    let copy = folder.url.appending(path: "copy-\(UUID().uuidString)")
    try FileManager.default.copyItem(at: Fixtures.folder.appending(path: "distributed/four"), to: copy)
    try change(copy)
    return copy.path
  }

  private func error(_ path: String) -> String {
    do throws(CheckpointError) {
      let checkpoint = try Checkpoint(path: path)
      return "accepted \(checkpoint.tensors.count) tensors"
    } catch { return "\(error)" }
  }

  /// A short text of a pickle of protocol 4, with its length.
  private func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }

  private func replacing(_ old: [UInt8], by new: [UInt8], occurrence: Int = 0) throws -> String {
    try changed { copy in
      let file = copy.appending(path: ".metadata")
      var bytes = try Array(Data(contentsOf: file))
      let starts = (0...(bytes.count - old.count)).filter { bytes[$0..<($0 + old.count)].elementsEqual(old) }
      bytes.replaceSubrange(starts[occurrence]..<(starts[occurrence] + old.count), with: new)
      try Data(bytes).write(to: file)
    }
  }

  @Test func missingFiles() throws {
    let shard = try changed { try FileManager.default.removeItem(at: $0.appending(path: "__2_0.distcp")) }
    #expect(
      error(shard).contains(
        "__2_0.distcp, which holds parts of tensors, is missing. Copy the files of all workers"))
    let metadata = try changed { try FileManager.default.removeItem(at: $0.appending(path: ".metadata")) }
    #expect(error(metadata).contains("without the .metadata that is written last"))
    #expect(
      error(Fixtures.path("distributed/four/__0_0.distcp")).contains(
        "is one worker's part of a checkpoint. Name the folder"))
    #expect(!error(Fixtures.path("distributed/four/.metadata")).contains("accepted 0"))
  }

  @Test func aShardThatIsCutOff() throws {
    let path = try changed { copy in
      let file = copy.appending(path: "__1_0.distcp")
      try Data(Data(contentsOf: file).prefix(2000)).write(to: file)
    }
    #expect(error(path).contains("__1_0.distcp: has 2000 bytes; of tensor"))
  }

  @Test func aShardWithOtherBytes() throws {
    let path = try changed { copy in
      let file = copy.appending(path: "__1_0.distcp")
      try Data(Data(contentsOf: file).map { $0 ^ 0x55 }).write(to: file)
    }
    #expect(error(path).contains("__1_0.distcp: not a valid archive of torch.save"))
  }

  @Test func metadataThatLies() throws {
    // The embedding's shape, (10, 6), and where its second part begins, (3, 0).
    let number = { (value: UInt8) in [UInt8(ascii: "K"), value] }
    #expect(
      error(try replacing(number(10) + number(6), by: number(11) + number(6))).contains(
        "its parts hold 60 of 66 elements"))
    #expect(
      error(try replacing(number(10) + number(6), by: number(8) + number(6))).contains(
        "reaches beyond shape [8, 6]"))
    #expect(error(try replacing(number(3) + number(0), by: number(2) + number(0))).contains("overlap"))
    #expect(error(try replacing(text("float32"), by: text("float64"))).contains("the .metadata states F64"))
    #expect(
      error(try replacing(text("float32"), by: text("float31"))).contains("torch.float31, which is not known")
    )
    #expect(error(try replacing(text("__3_0.distcp"), by: text("__2_0.distcp"))).contains("__2_0.distcp"))
    for name in ["../__3_0.distcp", "/etc/passwd", "..", ""] {
      #expect(
        error(try replacing(text("__3_0.distcp"), by: text(name))).contains("which is no file of the folder"))
    }
  }

  /// PyTorch would run it.
  @Test func metadataThatCallsSomething() throws {
    let path = try replacing(text("torch.serialization"), by: text("os"))
    #expect(error(path).contains("names os._get_layout, which no .metadata needs. PyTorch would run it"))
    let other = try replacing(text("Size"), by: text("load"))
    #expect(error(other).contains("names torch.load, which no .metadata needs"))
  }

  @Test func metadataOfSomethingElse() throws {
    let path = try changed { copy in
      try Data([0x80, 4, UInt8(ascii: "N"), UInt8(ascii: ".")]).write(to: copy.appending(path: ".metadata"))
    }
    #expect(error(path).contains("is no Metadata of torch.distributed.checkpoint"))
  }

  /// Each is refused with a message, or read; a trap or a hang fails the whole run.
  @Test func damagedFiles() throws {
    let names = [".metadata", ".metadata", ".metadata", "__0_0.distcp", "__3_0.distcp"]
    let path = try changed { _ in }
    let original = try names.map { try Array(Data(contentsOf: URL(filePath: path).appending(path: $0))) }
    var generator = Generator(state: 7)
    var (accepted, refused) = (0, 0)
    for _ in 0..<Fuzzing.count(300) {
      let index = generator.below(names.count)
      var bytes = original[index]
      for _ in 0...generator.below(3) { generator.damage(&bytes) }
      let file = URL(filePath: path).appending(path: names[index])
      try Data(bytes).write(to: file)
      do throws(CheckpointError) {
        let checkpoint = try Checkpoint(path: path)
        for tensor in checkpoint.tensors { _ = try checkpoint.doubles(of: tensor) }
        accepted += 1
      } catch {
        #expect(error.path.hasPrefix(path))
        refused += 1
      }
      try Data(original[index]).write(to: file)
    }
    // Both must occur, or this tests nothing.
    #expect(accepted > 10 && refused > 50, "\(accepted) accepted, \(refused) refused")
  }
}
