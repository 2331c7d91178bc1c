import Architecture
import Kernels
import Testing
import Transformer

/// Sequences of unequal lengths in one pass have the losses that they have alone.
struct PackedLossesTests {
  private static let names = ["pre-ln", "post-ln", "gpt2", "llama", "gemma3", "gpt-neox", "dyt"]

  /// A model of two layers, for sequences of up to 90 tokens.
  private func model<Scalar: KernelScalar>(
    _ name: String, _ batch: Int, _ length: Int, hasBackward: Bool, precision: Precision = .fp32,
    of _: Scalar.Type = Double.self
  ) throws -> Model<Scalar> {
    let architecture = try #require(ArchitecturePreset.named(name))
    var configuration = ModelConfiguration(
      layerCount: 2, modelDim: 16, headCount: 2, ffnDim: 24, vocabularySize: 19,
      positionCount: 90, architecture: architecture)
    if case .learned = architecture.embedding.positions {} else { configuration.positionCount = 0 }
    configuration.precision = precision
    let model = try Model<Scalar>(
      configuration, shape: PassShape(batchSize: batch, sequenceLength: length), hasBackward: hasBackward,
      team: Team(threadCount: 2))
    model.initialize(seed: 3)
    return model
  }

  @Test(arguments: names)
  func packedIsAsAlone(name: String) throws {
    let packed = try model(name, 3, 12, hasBackward: false)
    // 31 of 36 rows, so that some are left over.
    let lengths = [5, 12, 1, 9, 4]
    let sequences = SequenceRows.backToBack(lengths)
    let tokens = (0..<31).map { Int32($0 * 7 % 19) }
    let targets = (0..<31).map { $0 % 4 == 1 ? -1 : Int32($0 * 5 % 19) }
    let answers = packed.answers(tokens: tokens, targets: targets, sequences: sequences)
    let found = answers.map(\.loss)
    #expect(zip(found, targets).allSatisfy { ($0 == 0) == ($1 < 0) })
    var start = 0
    for length in lengths {
      let rows = start..<start + length
      let alone = try model(name, 1, length, hasBackward: true).loss(
        tokens: Array(tokens[rows]), targets: Array(targets[rows]))
      #expect(abs(alone - found[rows].reduce(0, +)) < 1e-11)
      start += length
    }
    // Again, from whatever the first pass left in shared memory.
    #expect(packed.answers(tokens: tokens, targets: targets, sequences: sequences) == answers)
    // The likeliest token is the one that no other target of the same row has a lower loss than.
    let others = (0..<Int32(19)).map { token in
      packed.answers(tokens: tokens, targets: Array(repeating: token, count: 31), sequences: sequences)
    }
    for row in targets.indices where targets[row] >= 0 {
      let lowest = others.map { $0[row].loss }.min() ?? .nan
      #expect(others.allSatisfy { $0[row].isLikeliest == ($0[row].loss <= lowest + 1e-12) })
      #expect(answers[row].isLikeliest == others[Int(targets[row])][row].isLikeliest)
    }
  }

  /// What several sequences begin with is computed once, and they have the losses that they would have alone: behind more and less than a block of
  /// queries, beside sequences that stand alone, and where a window hides the beginning.
  @Test(arguments: names)
  func aSharedPrefixIsAsReadAnew(name: String) throws {
    let (prefixes, branches) = ([75, 0, 3], [[9, 1, 15], [20], [2, 7]])
    var (tokens, targets, sequences): ([Int32], [Int32], [SequenceRows]) = ([], [], [])
    var whole: [(rows: Range<Int>, tokens: [Int32])] = []
    for (prefix, lengths) in zip(prefixes, branches) {
      let shared = tokens.count..<tokens.count + prefix
      if prefix > 0 { sequences.append(SequenceRows(rows: shared)) }
      tokens += shared.map { Int32($0 * 7 % 19) }
      targets += shared.map { _ in -1 }
      for length in lengths {
        let own = tokens.count..<tokens.count + length
        sequences.append(SequenceRows(rows: own, prefix: prefix > 0 ? shared : 0..<0))
        tokens += own.map { Int32($0 * 11 % 19) }
        targets += own.map { Int32($0 * 5 % 19) }
        whole.append((own, Array(tokens[shared] + tokens[own])))
      }
    }
    let packed = try model(name, 2, 90, hasBackward: false)
    let answers = packed.answers(tokens: tokens, targets: targets, sequences: sequences)
    // In float32, products of halves where the processor has them: another order of sums, and one rounding more or less of a logit.
    let single = try model(name, 2, 90, hasBackward: false, precision: .bf16, of: Float.self)
      .answers(tokens: tokens, targets: targets, sequences: sequences)
    for (rows, tokens) in whole {
      let asked = Array(repeating: Int32(-1), count: tokens.count - rows.count) + targets[rows]
      let alone = try model(name, 1, tokens.count, hasBackward: false)
        .answers(tokens: tokens, targets: asked, sequences: SequenceRows.backToBack([tokens.count]))
        .suffix(rows.count)
      let singleAlone = try model(
        name, 1, tokens.count, hasBackward: false, precision: .bf16, of: Float.self
      )
      .answers(tokens: tokens, targets: asked, sequences: SequenceRows.backToBack([tokens.count]))
      .suffix(rows.count)
      for (row, (one, other)) in zip(rows, zip(alone, singleAlone)) {
        #expect(abs(one.loss - answers[row].loss) < 1e-11 && one.isLikeliest == answers[row].isLikeliest)
        #expect(abs(other.loss - single[row].loss) < 0.02)
      }
    }
  }
}
