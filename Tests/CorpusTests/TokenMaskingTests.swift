import Architecture
import RunData
import Testing
import RunData

@testable import Corpus

@Suite struct TokenMaskingTests {
  private func sampler(_ shape: BatchShape, seed: UInt64 = 1) throws -> BatchSampler {
    try BatchSampler(
      source: CountingTokens(vocabularySize: 1000, tokenCount: 5000), shape: shape, objective: .masked,
      seed: seed)
  }

  @Test func sharesAreThoseOfBERT() throws {
    let sampler = try sampler(BatchShape(batchSize: 100, sequenceLength: 100))
    #expect(sampler.modelVocabularySize == 1001)
    var (selected, masked, kept, other) = (0.0, 0.0, 0.0, 0.0)
    let steps = 20
    for step in 0..<steps {
      let batch = try sampler.batch(step: step)
      for row in 0..<100 {
        let range = (100 * row)..<(100 * (row + 1))
        let start = sampler.start(ofRow: 100 * step + row)
        for (offset, index) in range.enumerated() {
          let original = Int32((start + offset) % 1000)
          let (input, target) = (batch.inputs[index], batch.targets[index])
          guard target != TokenBatch.ignoredTarget else {
            #expect(input == original)
            continue
          }
          #expect(target == original)
          selected += 1
          if input == 1000 { masked += 1 } else if input == original { kept += 1 } else { other += 1 }
          #expect((0...1000).contains(input))
        }
      }
      #expect(batch.targetCount == batch.targets.count { $0 != TokenBatch.ignoredTarget })
      #expect(sampler.targetCount(step: step) == batch.targetCount)
    }
    // Five standard deviations of binomials with n = 200,000 and n = 30,000.
    #expect(abs(selected / Double(10_000 * steps) - 0.15) < 0.004)
    #expect(abs(masked / selected - 0.8) < 0.012)
    #expect(abs(kept / selected - 0.1) < 0.009)
    #expect(abs(other / selected - 0.1) < 0.009)
  }

  /// With 4 positions a step, half of the draws select nothing.
  @Test func aGlobalBatchAlwaysHasATarget() throws {
    let sampler = try sampler(BatchShape(batchSize: 1, sequenceLength: 2, microBatchesPerStep: 2))
    var counts: [Int: Int] = [:]
    for step in 0..<300 {
      let batches = try (0..<2).map { try sampler.batch(step: step, microBatch: $0) }
      let count = batches.reduce(0) { $0 + $1.targetCount }
      #expect(count == sampler.targetCount(step: step))
      #expect(count == batches.flatMap(\.targets).count { $0 != TokenBatch.ignoredTarget })
      #expect(try batches == (0..<2).map { try sampler.batch(step: step, microBatch: $0) })
      counts[count, default: 0] += 1
    }
    #expect(counts[0] == nil)
    #expect(Set(counts.keys).isSuperset(of: [1, 2]))
  }

  @Test func aWindowNeedsNoTokenMoreThanTheSequence() throws {
    let shape = BatchShape(batchSize: 1, sequenceLength: 5000)
    #expect(try sampler(shape).start(ofRow: 3) == 0)
    let error = #expect(throws: CorpusError.self) {
      try sampler(BatchShape(batchSize: 1, sequenceLength: 5001))
    }
    #expect(error?.description.contains("has 5000 tokens; at least 5001 are needed") == true)
  }
}
