/// One micro-batch: what a model reads and what it has to predict. Row-major, `(batchSize, sequenceLength)`.
public struct TokenBatch: Equatable, Sendable {
  /// The target of a position that no loss is taken at.
  public static let ignoredTarget: Int32 = -1

  /// Rows.
  public let batchSize: Int
  /// Tokens in a row.
  public let sequenceLength: Int
  /// Token ids that the model reads.
  public internal(set) var inputs: [Int32]
  /// Token ids to predict, or ``ignoredTarget``.
  public internal(set) var targets: [Int32]
  /// Targets that are not ignored.
  public internal(set) var targetCount: Int

  /// A batch of zeros, to be filled by ``BatchSampler/fill(_:step:microBatch:)``.
  public init(batchSize: Int, sequenceLength: Int) {
    self.batchSize = batchSize
    self.sequenceLength = sequenceLength
    inputs = Array(repeating: 0, count: batchSize * sequenceLength)
    targets = inputs
    targetCount = 0
  }
}

/// Where the rows of a batch start in the corpus.
public enum Sampling: String, Sendable, CaseIterable {
  /// At uniformly random positions.
  case random
  /// One after the other, from the first token on.
  case sequential
}
