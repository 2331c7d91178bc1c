import Checksums
import Glibc
import RunData

/// What a predictor of the built-in language reaches that knows a given amount, in nats a token.
public struct LanguageEntropy: Equatable, Sendable {
  /// Knows the frequencies: the entropy of one token.
  public var unigram: Double
  /// Knows the token before: the conditional entropy of a token given that one.
  public var bigram: Double
  /// Knows everything before: the entropy rate. No model can go below it.
  public var rate: Double
}

extension SyntheticLanguage {
  /// Exact entropies, up to rounding.
  ///
  /// Sentences are independent and of fixed length S = 16, so the rate is `H(sentence) / S`. Within a sentence of topic k
  /// the words form a Markov chain: the first has distribution `r_k = q_k / 0.5`, and the next after word p has
  ///
  ///     P_k(w | p) = 0.5 [w = s(p)] + q_k(w),   q_k(w) = z(w) (0.1 + 0.4 [w mod K = k] / Z_k)
  ///
  /// with s(p) the successor and Z_k the topic's total weight. With the chain rule, and the closer certain,
  ///
  ///     H(sentence) = ln K + (1/K) sum_k ( H(r_k) + sum_p F_k(p) H(P_k(. | p)) )
  ///
  /// where F_k(p) is the expected number of times that p occurs among the 13 words that another word follows; it comes
  /// from the chain's marginals, step by step. The unigram distribution is the mean of the same marginals over the
  /// sentence. For the bigram entropy the topic given p is averaged over: the next word then has
  /// `0.5 c [w = s(p)] + z(w) A(w mod K)`, of which the entropy needs only sums per topic, and the closers add
  /// their own terms.
  ///
  /// A window that starts at any position has lost no more than one sentence's information, so the rate holds for it too.
  public func entropy() -> LanguageEntropy {
    let chains = (0..<topicCount).map { TopicChain(language: self, topic: $0) }
    let topics = Double(topicCount)
    let length = Double(Self.sentenceLength)
    let sentence = log(topics) + chains.reduce(0) { $0 + $1.entropy } / topics

    var unigram = 2 * topics * Self.surprise(1 / topics / length)
    for word in 0..<wordCount {
      let expected = chains.reduce(0) { $0 + $1.followed[word] + $1.last[word] }
      unigram += Self.surprise(expected / topics / length)
    }

    // After a closer comes a uniform topic's opener; after an opener the topic's first word; else see below.
    var bigram = log(topics) + chains.reduce(0) { $0 + $1.firstWordEntropy } / topics
    let topicEntropies = (0..<topicCount).map { topic in
      stride(from: topic, to: wordCount, by: topicCount).reduce(0) { $0 + Self.surprise(weights[$1]) }
    }
    for word in 0..<wordCount {
      bigram += wordEntropy(after: word, chains, topicEntropies)
    }
    return LanguageEntropy(unigram: unigram, bigram: bigram / length, rate: sentence / length)
  }

  /// Occurrences of `word` in a sentence times the entropy of what follows, the topic unknown.
  private func wordEntropy(after word: Int, _ chains: [TopicChain], _ topicEntropies: [Double]) -> Double {
    let topics = Double(topicCount)
    let followed = chains.reduce(0) { $0 + $1.followed[word] } / topics
    let total = followed + chains.reduce(0) { $0 + $1.last[word] } / topics
    guard total > 0 else { return 0 }
    // A(k): what a word of topic k has for its own weight.
    let factors = chains.map { chain in
      (Self.globalShare * followed
        + Self.topicShare * chain.followed[word] / topics / topicWeights[chain.topic]) / total
    }
    var entropy = 0.0
    for (chain, factor) in zip(chains, factors) {
      entropy += factor * topicEntropies[chain.topic] + topicWeights[chain.topic] * Self.surprise(factor)
      entropy += Self.surprise(chain.last[word] / topics / total)
    }
    let next = successors[word]
    let drawn = weights[next] * factors[next % topicCount]
    entropy += Self.surprise(drawn + Self.successorShare * followed / total) - Self.surprise(drawn)
    return total * entropy
  }

  /// `-p ln p`.
  static func surprise(_ probability: Double) -> Double {
    probability > 0 ? -probability * log(probability) : 0
  }

  /// Name, digest and entropies for a run's manifest.
  ///
  /// The digest is that of the text's definition, and of its first 65,536 tokens as little-endian 32-bit integers.
  public func facts() throws(CorpusError) -> CorpusFacts {
    let entropy = entropy()
    let definition = "nf-probe built-in language 1, vocabulary \(vocabularySize), seed \(seed)\n"
    let sample = try tokens(in: 0..<65_536).flatMap { token in
      (0..<4).map { UInt8(truncatingIfNeeded: token >> (8 * $0)) }
    }
    return CorpusFacts(
      name: name, sha256: SHA256.hexDigest(of: Array(definition.utf8) + sample), tokenCount: nil,
      vocabularySize: vocabularySize, unigramEntropy: entropy.unigram, entropyRate: entropy.rate)
  }
}

/// The words of a sentence of one topic, as a Markov chain.
private struct TopicChain {
  let topic: Int
  /// Expected occurrences of each word among those that another word follows, F_k(p).
  private(set) var followed: [Double]
  /// Distribution of the last word.
  private(set) var last: [Double]
  /// H(r_k).
  let firstWordEntropy: Double
  /// Entropy of all words of the sentence, given the topic.
  private(set) var entropy: Double

  init(language: SyntheticLanguage, topic: Int) {
    self.topic = topic
    let local = SyntheticLanguage.successorShare
    let drawn = language.weights.enumerated().map { word, weight in
      let isTopical = word % language.topicCount == topic
      let topical = isTopical ? SyntheticLanguage.topicShare / language.topicWeights[topic] : 0
      return weight * (SyntheticLanguage.globalShare + topical)
    }
    var marginal = drawn.map { $0 / (1 - local) }
    firstWordEntropy = marginal.reduce(0) { $0 + SyntheticLanguage.surprise($1) }
    followed = Array(repeating: 0, count: marginal.count)
    for _ in 0..<(SyntheticLanguage.sentenceLength - 3) {
      var next = drawn
      for (word, probability) in marginal.enumerated() {
        followed[word] += probability
        next[language.successors[word]] += local * probability
      }
      marginal = next
    }
    last = marginal
    let drawnEntropy = drawn.reduce(0) { $0 + SyntheticLanguage.surprise($1) }
    entropy = firstWordEntropy
    for (word, count) in followed.enumerated() {
      let successor = drawn[language.successors[word]]
      entropy +=
        count
        * (drawnEntropy - SyntheticLanguage.surprise(successor)
          + SyntheticLanguage.surprise(successor + local))
    }
  }
}
