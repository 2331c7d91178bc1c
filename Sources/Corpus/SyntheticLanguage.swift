import Randomness

/// An endless text in a language with a known grammar, so that every loss has known floors.
///
/// The text is a sequence of independent sentences of 16 tokens. A sentence with topic k is
///
///     opener_k  word_1 ... word_14  closer_k
///
/// where the topic is uniform. What there is to learn, from easy to hard:
/// - Frequencies: word w has Zipf weight `z(w) = (1 / (w + 1)) / sum`.
/// - Transitions: with probability 0.5, a word is the one successor of the word before it.
/// - Topics: with probability 0.4 it is drawn, by Zipf weight, among the words of the sentence's topic (w mod K), with
///   0.1 among all words. The topic is seen at the opener and, less surely, in the words so far: this needs attention.
/// - Agreement: the closer repeats the opener's topic, 15 tokens later.
///
/// The first word has no word before it: it is drawn by topic (0.8) or among all (0.2). Ids are, in order, the K openers,
/// the K closers, and the words by falling weight. K is 8 from vocabulary 256 on, V/32 but at least 2 below, and 1 below
/// 6. Successors run in cycles through groups of eight neighbouring words, so that frequencies stay near Zipf's.
///
/// Sentence i lies at positions 16 i ..< 16 (i + 1) and depends on seed and i alone, so a read anywhere costs the same.
public struct SyntheticLanguage: TokenSource {
  /// The smallest vocabulary: one opener, one closer, one word.
  public static let minimumVocabularySize = 3
  /// The largest vocabulary.
  public static let maximumVocabularySize = 1 << 16
  /// Tokens in a sentence.
  public static let sentenceLength = 16

  static let successorShare = 0.5
  static let topicShare = 0.4
  static let globalShare = 0.1
  private static let successorGroup = 8

  /// `built-in language`.
  public let name = "built-in language"
  /// Number of token ids.
  public let vocabularySize: Int
  /// What grammar and text are made from.
  public let seed: UInt64
  /// Number of topics, K.
  public let topicCount: Int
  /// Number of words, V - 2 K.
  public let wordCount: Int

  /// The word that follows each word with probability 0.5.
  let successors: [Int]
  /// z(w).
  let weights: [Double]
  /// Sums of z over the words of each topic.
  let topicWeights: [Double]
  /// Cumulative distributions over all words, and over the words w = k, k + K, k + 2 K, ... of each topic k.
  private let cumulative: [Double]
  private let topicCumulative: [[Double]]
  private let text: Philox

  /// Creates the language of a seed.
  /// - Throws: where `vocabularySize` is not in 3...65,536.
  public init(vocabularySize: Int = 256, seed: UInt64 = 0) throws(CorpusError) {
    guard (Self.minimumVocabularySize...Self.maximumVocabularySize).contains(vocabularySize) else {
      throw CorpusError(
        corpus: name,
        problem: "a vocabulary of \(vocabularySize) is outside "
          + "\(Self.minimumVocabularySize)...\(Self.maximumVocabularySize)")
    }
    self.vocabularySize = vocabularySize
    self.seed = seed
    let topicCount = vocabularySize < 6 ? 1 : max(2, min(8, vocabularySize / 32))
    let wordCount = vocabularySize - 2 * topicCount
    let unscaled = (0..<wordCount).map { 1 / Double($0 + 1) }
    let total = unscaled.reduce(0, +)
    let weights = unscaled.map { $0 / total }
    let byTopic = (0..<topicCount).map { topic in
      stride(from: topic, to: wordCount, by: topicCount).map { weights[$0] }
    }
    self.topicCount = topicCount
    self.wordCount = wordCount
    self.weights = weights
    topicWeights = byTopic.map { $0.reduce(0, +) }
    cumulative = Self.cumulative(weights)
    topicCumulative = byTopic.map(Self.cumulative)
    successors = Self.successors(wordCount: wordCount, Philox(seed: seed, stream: "language.successors"))
    text = Philox(seed: seed, stream: "language.text")
  }

  /// The text ends nowhere; this is the part that positions are drawn from, 2^41 tokens.
  public var tokenCount: Int { 1 << 41 }

  /// Writes the tokens of a range; the same for the same seed always.
  public func read(into tokens: inout [Int32], range: Range<Int>, at position: Int) throws(CorpusError) {
    checkRead(tokens, range, position)
    var target = range.lowerBound
    var (sentence, offset) = position.quotientAndRemainder(dividingBy: Self.sentenceLength)
    while target < range.upperBound {
      let count = min(Self.sentenceLength - offset, range.upperBound - target)
      let sentenceTokens = self.sentence(sentence)
      for index in 0..<count { tokens[target + index] = Int32(sentenceTokens[offset + index]) }
      target += count
      sentence += 1
      offset = 0
    }
  }

  private func sentence(_ index: Int) -> InlineArray<16, Int> {
    let first = UInt64(index) * UInt64(Self.sentenceLength)
    let topic = text.integer(below: topicCount, at: first)
    var tokens = InlineArray<16, Int>(repeating: 0)
    tokens[0] = topic
    tokens[15] = topicCount + topic
    var previous: Int?
    for slot in 1..<15 {
      let word = word(after: previous, topic: topic, random: text.words(at: first + UInt64(slot)))
      tokens[slot] = 2 * topicCount + word
      previous = word
    }
    return tokens
  }

  private func word(after previous: Int?, topic: Int, random: SIMD4<UInt32>) -> Int {
    let choice = Self.unit(random.x, random.y)
    let draw = Self.unit(random.z, random.w)
    if let previous, choice < Self.successorShare { return successors[previous] }
    // The first word has no successor share; the other two keep their proportion.
    let topicEnd =
      previous == nil
      ? Self.topicShare / (1 - Self.successorShare) : Self.successorShare + Self.topicShare
    return choice < topicEnd
      ? topic + topicCount * Self.index(of: draw, in: topicCumulative[topic])
      : Self.index(of: draw, in: cumulative)
  }

  private static func unit(_ high: UInt32, _ low: UInt32) -> Double {
    Double((UInt64(high) << 32 | UInt64(low)) >> 11) * 0x1p-53
  }

  private static func cumulative(_ weights: [Double]) -> [Double] {
    let total = weights.reduce(0, +)
    var sum = 0.0
    return weights.map {
      sum += $0
      return sum / total
    }
  }

  /// The first entry above `draw`; the last one where rounding left it below 1.
  private static func index(of draw: Double, in cumulative: [Double]) -> Int {
    var low = 0
    var high = cumulative.count - 1
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] > draw { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// One random cycle through each group of neighbours (Sattolo's algorithm).
  private static func successors(wordCount: Int, _ random: Philox) -> [Int] {
    var successors = Array(0..<wordCount)
    for start in stride(from: 0, to: wordCount, by: successorGroup) {
      let end = min(start + successorGroup, wordCount)
      for index in stride(from: end - 1, to: start, by: -1) {
        successors.swapAt(index, start + random.integer(below: index - start, at: UInt64(index)))
      }
    }
    return successors
  }
}
