import FileTestSupport
import FileAccess
import Foundation
import Testing

@testable import Checkpoints

@Suite struct SafetensorsWriterTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted() }
  }

  @Test func whatIsWrittenIsRead() throws {
    let path = folder.path("a.safetensors")
    let metadata = ["format": "pt", "odd \"\\\u{1}\n": "Größe 🌍", "": ""]
    try SafetensorsWriter.write(
      [
        OutputTensor("z.weight", shape: [2, 3], float: { [1, 2, 3, 4, 5, 6] }),
        OutputTensor("a \"quoted\"", shape: [], double: { [.pi] }),
        OutputTensor("empty", shape: [0, 7], float: { [] }),
        OutputTensor("b", shape: [1], double: { [.leastNonzeroMagnitude] }),
      ], metadata: metadata, to: path)
    let file = try Checkpoint(path: path)
    #expect(file.metadata == metadata)
    #expect(file.tensors.map(\.name) == ["a \"quoted\"", "b", "empty", "z.weight"])
    #expect(file.tensors.map(\.shape) == [[], [1], [0, 7], [2, 3]])
    #expect(try file.doubles(of: file.tensors[0]) == [.pi])
    #expect(try file.doubles(of: file.tensors[1]) == [.leastNonzeroMagnitude])
    #expect(try file.floats(of: file.tensors[2]) == [])
    #expect(try file.floats(of: file.tensors[3]) == [1, 2, 3, 4, 5, 6])
    // Every element is aligned to its size.
    #expect(file.tensors.allSatisfy { ($0.byteRange.lowerBound * 8).isMultiple(of: $0.type.bitCount) })
    #expect(try names == ["a.safetensors"])
  }

  @Test func noTensorsAtAll() throws {
    let path = folder.path("a.safetensors")
    try SafetensorsWriter.write([], to: path)
    #expect(try Checkpoint(path: path).tensors.isEmpty)
  }

  @Test func anExistingFileStaysUnlessReplaced() throws {
    let path = try folder.write("precious", to: "a.safetensors")
    let tensors = [OutputTensor("a", shape: [1], float: { [1] })]
    let error = #expect(throws: CheckpointError.self) { try SafetensorsWriter.write(tensors, to: path) }
    #expect(error?.description == "\(path): exists already")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    #expect(try names == ["a.safetensors"])
    try SafetensorsWriter.write(tensors, to: path, replacing: true)
    #expect(try Checkpoint(path: path).tensors.count == 1)
    #expect(try names == ["a.safetensors"])
  }

  @Test func foldersThatCannotBeWrittenTo() {
    for path in [folder.path("missing/a.safetensors"), "/proc/a.safetensors"] {
      let error = #expect(throws: CheckpointError.self) { try SafetensorsWriter.write([], to: path) }
      #expect(error?.description.hasPrefix("\(path): cannot be created: ") == true)
    }
  }

  @Test func aWriterThatIsDroppedLeavesNothing() throws {
    func startAndDrop() throws {
      var writer = try AtomicFileWriter(path: folder.path("a"))
      try writer.append([UInt8](repeating: 1, count: 100))
      #expect(try names.count == 1)
    }
    try startAndDrop()
    #expect(try names == [])
  }

  @Test func theMetadataOfAnArchitectureComesBack() throws {
    let path = folder.path("a.safetensors")
    let model = TinyDecoder(additions: .normFormer)
    try model.write(
      to: path, metadata: ["head_count": "2", "head_scale_placement": "paper", "activation": "gelu"])
    let configuration = try DecoderCheckpoint(path: path).configuration
    #expect(
      configuration.checkpointMetadata == [
        "head_count": "2", "head_scale_placement": "paper", "activation": "gelu",
      ])
  }
}
