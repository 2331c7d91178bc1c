import Architecture
import FileTestSupport
import RunData
import Testing

@testable import Corpus

@Suite struct CorpusSplitTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func text(_ path: String) -> CorpusRequest.Text {
    .file(path: path, format: nil, vocabularySize: nil)
  }

  @Test func theLastPartIsHeldOut() throws {
    let path = try folder.write(
      String(repeating: "a", count: 90) + String(repeating: "b", count: 10), to: "ab.txt")
    let split = try CorpusSplit(CorpusRequest(text: text(path), validation: .lastFraction(0.1)))
    #expect(try split.training.tokens(in: 0..<90) == Array(repeating: 97, count: 90))
    let validation = try #require(split.validation)
    #expect(try validation.tokens(in: 0..<10) == Array(repeating: 98, count: 10))
    #expect((split.training.tokenCount, validation.tokenCount) == (90, 10))
    #expect(split.facts.tokenCount == 100)

    // Every window that training can draw, the last target included, stays on its side.
    let sampler = try BatchSampler(
      source: split.training, shape: BatchShape(batchSize: 50, sequenceLength: 80), seed: 1)
    for step in 0..<20 {
      let batch = try sampler.batch(step: step)
      #expect((batch.inputs + batch.targets).allSatisfy { $0 == 97 })
    }
    let held = try ValidationBatches(source: validation, batchSize: 4, sequenceLength: 3, rowCount: 9)
    #expect(try held.batch(0).inputs.allSatisfy { $0 == 98 })
  }

  @Test func theLanguageHoldsOutTextItNeverTrainsOn() throws {
    let split = try CorpusSplit(
      CorpusRequest(text: .builtIn(vocabularySize: 64, seed: 7), validation: .lastFraction(0.1)))
    let language = try SyntheticLanguage(vocabularySize: 64, seed: 7)
    let boundary = split.training.tokenCount
    #expect(boundary > 1 << 39)
    let validation = try #require(split.validation)
    #expect(try validation.tokens(in: 0..<50) == language.tokens(in: boundary..<(boundary + 50)))
    #expect(split.facts.tokenCount == nil)
    #expect(split.facts.entropyRate == split.languageEntropy?.rate)
    #expect(split.facts.name == "built-in language")
  }

  @Test func aValidationFileSharesTheVocabulary() throws {
    let training = try folder.write16([1, 2, 3, 99], to: "train.bin")
    let good = try folder.write16([1, 98], to: "val.bin")
    let split = try CorpusSplit(
      CorpusRequest(text: text(training), validation: .file(path: good, format: nil)))
    #expect(split.validation?.vocabularySize == 100)
    #expect(split.training.tokenCount == 4)

    let beyond = try folder.write16([1, 100], to: "beyond.bin")
    let error = #expect(throws: CorpusError.self) {
      try CorpusSplit(CorpusRequest(text: text(training), validation: .file(path: beyond, format: nil)))
    }
    #expect(error?.description.contains("beyond.bin: token 1 (counted from 0) has id 100") == true)
  }

  @Test func theTrainingTextIsNoValidationText() throws {
    let path = try folder.write("some text", to: "a.txt")
    let copy = try folder.write("some text", to: "b.txt")
    let error = #expect(throws: CorpusError.self) {
      try CorpusSplit(CorpusRequest(text: text(path), validation: .file(path: copy, format: nil)))
    }
    #expect(error?.description.contains("b.txt: has the same bytes as the training text") == true)
  }

  @Test(arguments: [0, 1, -0.5, 1.5, .nan, 0.01, 0.99])
  func fractionsThatLeaveNothing(fraction: Double) throws {
    let path = try folder.write("0123456789", to: "a.txt")
    let error = #expect(throws: CorpusError.self) {
      try CorpusSplit(CorpusRequest(text: text(path), validation: .lastFraction(fraction)))
    }
    #expect(error?.description.contains("held-out fraction of \(fraction)") == true)
  }
}

@Suite struct ValidationBatchesTests {
  @Test func windowsAreSpreadAndDisjoint() throws {
    let set = try ValidationBatches(
      source: CountingTokens(tokenCount: 1001), batchSize: 3, sequenceLength: 10, rowCount: 7)
    #expect(set.count == 3)
    let batches = try (0..<3).map { try set.batch($0) }
    #expect(batches.map(\.batchSize) == [3, 3, 1])
    #expect(batches.map(\.targetCount) == [30, 30, 10])
    // 100 windows in all; row r takes window 100 r / 7.
    #expect((0..<7).map(set.start) == [0, 140, 280, 420, 570, 710, 850])
    #expect(try batches[1] == set.batch(1))
    #expect(zip(batches[2].inputs, batches[2].targets).allSatisfy { $1 == $0 + 1 })
  }

  @Test func aShortTextIsUsedWhole() throws {
    let set = try ValidationBatches(
      source: CountingTokens(tokenCount: 25), batchSize: 8, sequenceLength: 8, rowCount: 100)
    #expect(set.rowCount == 3)
    #expect(try set.batch(0).targets == Array(1...24))
  }

  @Test func maskedBatchesAreFixedToo() throws {
    let source = try SyntheticLanguage()
    let set = try ValidationBatches(
      source: source, batchSize: 2, sequenceLength: 3, rowCount: 5, objective: .masked)
    for index in 0..<set.count {
      let batch = try set.batch(index)
      #expect(try batch == set.batch(index))
      #expect(batch.targetCount > 0)
      #expect(batch.targetCount == batch.targets.count { $0 != TokenBatch.ignoredTarget })
    }
  }
}
