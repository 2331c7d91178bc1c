import Architecture
import Testing
import RunData

@testable import Corpus

/// Token i has id i modulo the vocabulary.
struct CountingTokens: TokenSource {
  var name = "counting"
  var vocabularySize = 1 << 20
  var tokenCount: Int

  func read(into tokens: inout [Int32], range: Range<Int>, at position: Int) throws(CorpusError) {
    checkRead(tokens, range, position)
    for index in range { tokens[index] = Int32((position + index - range.lowerBound) % vocabularySize) }
  }
}

@Suite struct BatchSamplerTests {
  private func rows(_ batch: TokenBatch) -> [[Int32]] {
    (0..<batch.batchSize).map {
      Array(batch.inputs[($0 * batch.sequenceLength)..<(($0 + 1) * batch.sequenceLength)])
    }
  }

  @Test(arguments: Sampling.allCases)
  func targetsAreOneToTheRight(sampling: Sampling) throws {
    let sampler = try BatchSampler(
      source: CountingTokens(tokenCount: 1000), shape: BatchShape(batchSize: 3, sequenceLength: 7),
      sampling: sampling, seed: 1)
    for step in 0..<100 {
      let batch = try sampler.batch(step: step)
      #expect(zip(batch.inputs, batch.targets).allSatisfy { $1 == $0 + 1 })
      #expect(rows(batch).allSatisfy { row in row == Array(row[0]..<(row[0] + 7)) })
      #expect(batch.targetCount == 21)
      #expect(sampler.targetCount(step: step) == 21)
    }
  }

  @Test func sequentialRowsFollowOneAnother() throws {
    let shape = BatchShape(batchSize: 2, sequenceLength: 5, microBatchesPerStep: 2)
    let sampler = try BatchSampler(
      source: CountingTokens(tokenCount: 44), shape: shape, sampling: .sequential, seed: 1)
    // (44 - 1) / 5 = 8 windows; the rest of 3 tokens is not read; row 8 starts over.
    let starts = try (0..<3).flatMap { step in
      try (0..<2).flatMap { try rows(sampler.batch(step: step, microBatch: $0)).map { $0[0] } }
    }
    #expect(starts == [0, 5, 10, 15, 20, 25, 30, 35, 0, 5, 10, 15])
  }

  @Test func lastWindowMayEndAtTheLastToken() throws {
    let sampler = try BatchSampler(
      source: CountingTokens(tokenCount: 11), shape: BatchShape(batchSize: 2, sequenceLength: 5),
      sampling: .sequential, seed: 1)
    #expect(try sampler.batch(step: 7).targets == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  }

  @Test func randomStartsReachBothEndsEvenly() throws {
    let sampler = try BatchSampler(
      source: CountingTokens(tokenCount: 14), shape: BatchShape(batchSize: 100, sequenceLength: 4), seed: 9)
    var counts = Array(repeating: 0, count: 10)
    for step in 0..<100 {
      for row in rows(try sampler.batch(step: step)) { counts[Int(row[0])] += 1 }
    }
    // Five standard deviations of a binomial with n = 10,000 and p = 1/10.
    for count in counts { #expect(abs(count - 1000) < 150) }
  }

  /// Resuming, and cutting the same global batch otherwise, changes nothing.
  @Test(arguments: Sampling.allCases, Objective.allCases)
  func batchesDependOnTheStepAlone(sampling: Sampling, objective: Objective) throws {
    func sampler(_ batchSize: Int, _ microBatches: Int, seed: UInt64 = 4) throws -> BatchSampler {
      try BatchSampler(
        source: SyntheticLanguage(seed: 1),
        shape: BatchShape(batchSize: batchSize, sequenceLength: 33, microBatchesPerStep: microBatches),
        sampling: sampling, objective: objective, seed: seed)
    }
    let whole = try sampler(6, 1)
    let pieces = try sampler(2, 3)
    for step in [5, 0, 17] {
      let batch = try whole.batch(step: step)
      let parts = try (0..<3).map { try pieces.batch(step: step, microBatch: $0) }
      #expect(batch.inputs == parts.flatMap(\.inputs))
      #expect(batch.targets == parts.flatMap(\.targets))
      #expect(batch.targetCount == parts.reduce(0) { $0 + $1.targetCount })
      #expect(pieces.targetCount(step: step) == batch.targetCount)
      #expect(try batch == whole.batch(step: step))
      #expect(try batch != whole.batch(step: step + 1))
      if sampling == .random { #expect(try batch != sampler(6, 1, seed: 5).batch(step: step)) }
    }
  }

  @Test func oneTokenSequencesWork() throws {
    let sampler = try BatchSampler(
      source: CountingTokens(tokenCount: 2), shape: BatchShape(batchSize: 3, sequenceLength: 1), seed: 1)
    let batch = try sampler.batch(step: 0)
    #expect(batch.inputs == [0, 0, 0])
    #expect(batch.targets == [1, 1, 1])
  }

  @Test func tooShortACorpusSaysWhatIsNeeded() {
    let error = #expect(throws: CorpusError.self) {
      try BatchSampler(
        source: CountingTokens(tokenCount: 64), shape: BatchShape(batchSize: 1, sequenceLength: 64), seed: 1)
    }
    #expect(error?.description.contains("has 64 tokens; at least 65 are needed") == true)
    #expect(throws: CorpusError.self) {
      try ValidationBatches(
        source: CountingTokens(tokenCount: 64), batchSize: 1, sequenceLength: 64, rowCount: 1)
    }
  }
}
