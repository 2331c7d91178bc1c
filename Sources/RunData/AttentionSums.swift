/// What the probabilities and logits of one head of attention add up to; mergeable over sequences and micro-batches.
public struct AttentionSums: Equatable, Sendable {
  /// Queries that see more than one key: the others have no choice.
  public var queries: Int
  /// Σ over these queries of -Σ p ln p over the keys that each sees, nats.
  public var entropy: Double
  /// Of these queries, those that see the first token of their sequence.
  public var firstQueries: Int
  /// Σ over the latter of the first token's probability.
  public var firstShare: Double
  /// The largest logit, scaled, before any cap; -∞ where there is none.
  public var maxLogit: Double

  /// The sums over no query.
  public static let empty = AttentionSums(
    queries: 0, entropy: 0, firstQueries: 0, firstShare: 0, maxLogit: -.infinity)

  /// Creates sums from their parts.
  public init(queries: Int, entropy: Double, firstQueries: Int, firstShare: Double, maxLogit: Double) {
    self.queries = queries
    self.entropy = entropy
    self.firstQueries = firstQueries
    self.firstShare = firstShare
    self.maxLogit = maxLogit
  }

  /// The sums over two disjoint sets of queries.
  public func merged(with other: AttentionSums) -> AttentionSums {
    AttentionSums(
      queries: queries + other.queries, entropy: entropy + other.entropy,
      firstQueries: firstQueries + other.firstQueries, firstShare: firstShare + other.firstShare,
      // `Swift.max` would drop a NaN on one side.
      maxLogit: maxLogit.isNaN || other.maxLogit.isNaN ? .nan : max(maxLogit, other.maxLogit))
  }
}

/// What every head's attention did at one step, `(layer, head)`; not a number where a layer has no such head, or no query a choice.
public struct AttentionColumns: Equatable, Sendable {
  /// Mean entropy of a query's probabilities, nats: 0 where each looks at one key alone, ln n where it looks at n alike.
  public var entropy: [Double]
  /// The largest logit, before any cap.
  public var maxLogit: [Double]
  /// Mean probability of the sequence's first token.
  public var firstShare: [Double]

  /// Derives the means.
  public init(_ sums: [AttentionSums]) {
    func mean(_ sum: Double, _ count: Int) -> Double { count > 0 ? sum / Double(count) : .nan }
    entropy = sums.map { mean($0.entropy, $0.queries) }
    maxLogit = sums.map { $0.maxLogit == -.infinity && $0.queries == 0 ? .nan : $0.maxLogit }
    firstShare = sums.map { mean($0.firstShare, $0.firstQueries) }
  }
}
