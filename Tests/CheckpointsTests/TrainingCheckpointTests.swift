import FileTestSupport
import Foundation
import Testing

@testable import Checkpoints

@Suite struct TrainingCheckpointTests {
  let files: TemporaryFolder
  let folder: TrainingCheckpointFolder

  init() throws {
    files = try TemporaryFolder()
    folder = TrainingCheckpointFolder(path: files.path("run.checkpoints"))
  }

  private func save(_ step: Int, keeping: Int? = nil) throws {
    try folder.save(
      TrainingCheckpoint.Facts(
        runID: "ab12", step: step, optimizerUpdates: step - 1, trainerState: #"{"scale": 2}"#,
        provenance: ["seed": "7"]),
      architecture: ["head_count": "2"],
      weights: [OutputTensor("w", shape: [3], float: { [1, 2, Float(step)] })],
      state: [OutputTensor("first_moment.w", shape: [3], float: { [0, 0, 1] })], keeping: keeping)
  }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func whatWasSavedComesBack() throws {
    try save(500)
    let checkpoint = try folder.checkpoint(step: 500)
    #expect(
      checkpoint.facts
        == TrainingCheckpoint.Facts(
          runID: "ab12", step: 500, optimizerUpdates: 499, trainerState: #"{"scale": 2}"#))
    #expect(try checkpoint.weights.checkedFloats(of: #require(checkpoint.weights["w"])) == [1, 2, 500])
    #expect(checkpoint.weights.metadata["head_count"] == "2" && checkpoint.weights.metadata["seed"] == "7")
    #expect(try names() == ["step-00000500.safetensors", "step-00000500.state.safetensors"])
  }

  @Test func theNewestStayAndLaterOnesAreLeftAlone() throws {
    for step in [10, 20, 30, 99] { try save(step) }
    try save(40, keeping: 2)
    #expect(folder.steps == [30, 40, 99])
    #expect(try names().count == 6)
  }

  @Test func whatAKilledWriterLeftIsRemoved() throws {
    try save(10)
    _ = try files.write("", to: "run.checkpoints/step-00000020.state.safetensors")
    _ = try files.write("", to: "run.checkpoints/step-00000020.safetensors.tmp-17-0")
    _ = try files.write("mine", to: "run.checkpoints/notes.txt")
    try save(30)
    #expect(folder.steps == [10, 30])
    #expect(try names().count == 5)
  }

  /// Every byte of both files is covered: the header's length and padding by the format, the rest by checksums.
  @Test func aFlippedBitIsFoundWhereverItIs() throws {
    try save(10)
    for path in [folder.weightsPath(step: 10), folder.statePath(step: 10)] {
      let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      for index in whole.indices {
        var bytes = whole
        bytes[index] ^= 1 << UInt8(index % 8)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        #expect(throws: CheckpointError.self, "byte \(index) of \(whole.count)") {
          let checkpoint = try folder.checkpoint(step: 10)
          guard let w = checkpoint.weights["w"], let m = checkpoint.state["first_moment.w"] else {
            throw CheckpointError(path: path, problem: "a tensor is missing")
          }
          _ = try checkpoint.weights.checkedFloats(of: w)
          _ = try checkpoint.state.checkedFloats(of: m)
        }
      }
      try Data(whole).write(to: URL(fileURLWithPath: path))
    }
  }

  @Test func filesOfTwoMomentsDoNotMakeACheckpoint() throws {
    try save(10)
    try save(20)
    try FileManager.default.removeItem(atPath: folder.statePath(step: 20))
    try FileManager.default.copyItem(atPath: folder.statePath(step: 10), toPath: folder.statePath(step: 20))
    #expect(throws: CheckpointError.self) { try folder.checkpoint(step: 20) }
  }
}
