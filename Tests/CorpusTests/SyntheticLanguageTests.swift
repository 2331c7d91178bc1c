import Foundation
import RunData
import Testing

@testable import Corpus

@Suite struct SyntheticLanguageTests {
  static let vocabularies = [3, 4, 5, 6, 7, 16, 33, 256, 1000]

  @Test func readsTheSameAnywhere() throws {
    let language = try SyntheticLanguage(seed: 3)
    let whole = try language.tokens(in: 0..<400)
    for start in [0, 1, 15, 16, 17, 100, 399] {
      for count in [0, 1, 16, 40] where start + count <= 400 {
        #expect(try language.tokens(in: start..<(start + count)) == Array(whole[start..<(start + count)]))
      }
    }
    let far = try language.tokens(in: (language.tokenCount - 20)..<language.tokenCount)
    #expect(far.allSatisfy { (0..<256).contains($0) })
  }

  @Test func dependsOnItsSeed() throws {
    let one = try SyntheticLanguage(seed: 0)
    let other = try SyntheticLanguage(seed: 1)
    #expect(try one.tokens(in: 0..<200) != other.tokens(in: 0..<200))
    #expect(try one.facts().sha256 != other.facts().sha256)
    #expect(try one.facts() == SyntheticLanguage(seed: 0).facts())
  }

  /// The text of seed 0, as of language version 1: a change here is a new language and needs a new version number.
  @Test func firstSentencesAreAsRecorded() throws {
    let language = try SyntheticLanguage()
    #expect(
      try language.tokens(in: 0..<32) == [
        2, 153, 159, 156, 18, 42, 47, 41, 31, 24, 28, 29, 170, 168, 19, 10,
        0, 48, 16, 18, 19, 16, 56, 16, 86, 81, 80, 83, 24, 16, 88, 8,
      ])
  }

  @Test(arguments: vocabularies)
  func everySentenceFollowsTheGrammar(vocabularySize: Int) throws {
    let language = try SyntheticLanguage(vocabularySize: vocabularySize, seed: 5)
    let tokens = try language.tokens(in: 0..<16_000)
    for start in stride(from: 0, to: tokens.count, by: 16) {
      let topic = tokens[start]
      #expect((0..<Int32(language.topicCount)).contains(topic))
      #expect(tokens[start + 15] == topic + Int32(language.topicCount))
      let words = tokens[(start + 1)..<(start + 15)]
      #expect(words.allSatisfy { $0 >= 2 * language.topicCount && $0 < vocabularySize })
    }
  }

  /// Plug-in estimates on two million tokens, with Miller and Madow's correction for their bias, (cells - 1) / (2 n).
  /// What is left is sampling error, 2 nats of spread over the square root of n = 0.0014, and at 256 a part of the
  /// pairs' bias of 0.014, because not every pair has occurred.
  @Test(arguments: [3, 4, 6, 7, 33, 256])
  func entropiesMatchPlugInEstimates(vocabularySize: Int) throws {
    let language = try SyntheticLanguage(vocabularySize: vocabularySize, seed: 1)
    let tokens = try language.tokens(in: 0..<2_000_000)
    var unigrams = Array(repeating: 0, count: vocabularySize)
    var bigrams = Array(repeating: 0, count: vocabularySize * vocabularySize)
    for (token, next) in zip(tokens, tokens.dropFirst()) {
      unigrams[Int(token)] += 1
      bigrams[Int(token) * vocabularySize + Int(next)] += 1
    }
    let entropy = language.entropy()
    let unigram = corrected(unigrams)
    #expect(abs(unigram - entropy.unigram) < 0.003)
    #expect(abs(corrected(bigrams) - unigram - entropy.bigram) < (vocabularySize < 100 ? 0.005 : 0.01))
  }

  private func corrected(_ counts: [Int]) -> Double {
    let cells = counts.count { $0 > 0 }
    return CorpusScan.entropy(of: counts) + Double(cells - 1) / Double(2 * counts.reduce(0, +))
  }

  /// Mean negative log-likelihood of a predictor that knows the grammar, against the stated rate.
  @Test(arguments: vocabularies)
  func oracleReachesTheEntropyRate(vocabularySize: Int) throws {
    let language = try SyntheticLanguage(vocabularySize: vocabularySize, seed: 2)
    let sentences = 20_000
    let tokens = try language.tokens(in: 0..<(16 * sentences)).map(Int.init)
    let losses = stride(from: 0, to: tokens.count, by: 16).map {
      oracleLoss(of: Array(tokens[$0..<($0 + 16)]), in: language) / 16
    }
    let mean = losses.reduce(0, +) / Double(sentences)
    let variance = losses.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(sentences - 1)
    let standardError = (variance / Double(sentences)).squareRoot()
    // Sentences are independent: four standard errors fail once in 16,000 seeds, and the seed is fixed.
    #expect(abs(mean - language.entropy().rate) <= 4 * standardError + 1e-12)
    #expect(standardError < 0.01)
  }

  /// -ln P(sentence), written from the grammar in the type's description and not from the generator's tables.
  private func oracleLoss(of sentence: [Int], in language: SyntheticLanguage) -> Double {
    let topics = language.topicCount
    let harmonic = (1...language.wordCount).reduce(0.0) { $0 + 1 / Double($1) }
    var topicTotal = 0.0
    for word in stride(from: sentence[0], to: language.wordCount, by: topics) {
      topicTotal += 1 / Double(word + 1) / harmonic
    }
    var loss = log(Double(topics))
    for slot in 1...14 {
      let word = sentence[slot] - 2 * topics
      let weight = 1 / Double(word + 1) / harmonic
      let drawn = weight * (0.1 + (word % topics == sentence[0] ? 0.4 / topicTotal : 0))
      let isSuccessor = slot > 1 && language.successors[sentence[slot - 1] - 2 * topics] == word
      loss -= log(slot == 1 ? drawn / 0.5 : drawn + (isSuccessor ? 0.5 : 0))
    }
    return loss
  }

  @Test(arguments: [16, 64, 256, 1024, 50_257, 65_536])
  func lossCurvesHaveRoomBetweenTheFloors(vocabularySize: Int) throws {
    let entropy = try SyntheticLanguage(vocabularySize: vocabularySize).entropy()
    #expect(entropy.unigram < log(Double(vocabularySize)))
    #expect(entropy.bigram < entropy.unigram - 0.5)
    #expect(entropy.rate < entropy.bigram - 0.2)
    #expect(entropy.rate > 0)
  }

  @Test(arguments: [3, 8, 9, 10, 257])
  func successorsAreOneCycleInEachGroup(vocabularySize: Int) throws {
    let language = try SyntheticLanguage(vocabularySize: vocabularySize)
    for start in stride(from: 0, to: language.wordCount, by: 8) {
      let end = min(start + 8, language.wordCount)
      var seen: Set<Int> = []
      var word = start
      while seen.insert(word).inserted { word = language.successors[word] }
      #expect(seen == Set(start..<end))
    }
  }

  @Test(arguments: [-1, 0, 1, 2, 65_537])
  func refusesSizesItCannotSpeak(vocabularySize: Int) {
    let error = #expect(throws: CorpusError.self) {
      try SyntheticLanguage(vocabularySize: vocabularySize)
    }
    #expect(error?.description == "built-in language: a vocabulary of \(vocabularySize) is outside 3...65536")
  }
}
