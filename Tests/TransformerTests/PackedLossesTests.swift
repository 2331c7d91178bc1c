import Architecture
import Kernels
import Testing
import Transformer

/// Sequences of unequal lengths in one pass have the losses that they have alone.
struct PackedLossesTests {
  @Test(arguments: ["pre-ln", "post-ln", "gpt2", "llama", "gemma3", "gpt-neox", "dyt"])
  func packedIsAsAlone(name: String) throws {
    let architecture = try #require(ArchitecturePreset.named(name))
    let team = Team(threadCount: 2)
    var configuration = ModelConfiguration(
      layerCount: 2, modelDim: 16, headCount: 2, ffnDim: 24, vocabularySize: 19,
      positionCount: 12, architecture: architecture)
    if case .learned = architecture.embedding.positions {} else { configuration.positionCount = 0 }
    func model(_ batch: Int, _ length: Int, hasBackward: Bool) throws -> Model<Double> {
      let model = try Model<Double>(
        configuration, shape: PassShape(batchSize: batch, sequenceLength: length), hasBackward: hasBackward,
        team: team)
      model.initialize(seed: 3)
      return model
    }
    let packed = try model(3, 12, hasBackward: false)
    // 31 of 36 rows, so that some are left over.
    let lengths = [5, 12, 1, 9, 4]
    let tokens = (0..<31).map { Int32($0 * 7 % 19) }
    let targets = (0..<31).map { $0 % 4 == 1 ? -1 : Int32($0 * 5 % 19) }
    let answers = packed.answers(tokens: tokens, targets: targets, lengths: lengths)
    let found = answers.map(\.loss)
    #expect(zip(found, targets).allSatisfy { ($0 == 0) == ($1 < 0) })
    var start = 0
    for length in lengths {
      let rows = start..<start + length
      let alone = try model(1, length, hasBackward: true).loss(
        tokens: Array(tokens[rows]), targets: Array(targets[rows]))
      #expect(abs(alone - found[rows].reduce(0, +)) < 1e-11)
      start += length
    }
    // Again, from whatever the first pass left in shared memory.
    #expect(packed.answers(tokens: tokens, targets: targets, lengths: lengths) == answers)
    // The likeliest token is the one that no other target of the same row has a lower loss than.
    let others = (0..<Int32(19)).map { token in
      packed.answers(tokens: tokens, targets: Array(repeating: token, count: 31), lengths: lengths)
    }
    for row in targets.indices where targets[row] >= 0 {
      let lowest = others.map { $0[row].loss }.min() ?? .nan
      #expect(others.allSatisfy { $0[row].isLikeliest == ($0[row].loss <= lowest + 1e-12) })
      #expect(answers[row].isLikeliest == others[Int(targets[row])][row].isLikeliest)
    }
  }
}
