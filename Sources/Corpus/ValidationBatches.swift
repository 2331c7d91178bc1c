import Architecture
import RunData

/// A fixed set of batches of held-out text, the same at every validation.
///
/// The windows lie evenly spread over the source and do not overlap; a source that holds fewer windows than were asked
/// for is used whole. With the masked objective the same positions are hidden every time.
public struct ValidationBatches: Sendable {
  /// The held-out text.
  public let source: any TokenSource
  /// Number of windows.
  public let rowCount: Int

  private let shape: BatchShape
  private let objective: Objective
  private let masking: TokenMasking

  /// Creates the set.
  ///
  /// - Parameters:
  ///   - batchSize: rows of a batch; the last batch may have fewer.
  ///   - rowCount: windows that are wanted.
  /// - Throws: where the source is shorter than one window.
  public init(
    source: any TokenSource, batchSize: Int, sequenceLength: Int, rowCount: Int,
    objective: Objective = .causal, seed: UInt64 = 0
  ) throws(CorpusError) {
    precondition(rowCount > 0, "at least one window, got \(rowCount)")
    let shape = BatchShape(batchSize: batchSize, sequenceLength: sequenceLength)
    try shape.checkLength(source, objective)
    self.source = source
    self.shape = shape
    self.objective = objective
    let available = (source.tokenCount - shape.windowLength(objective)) / sequenceLength + 1
    self.rowCount = min(rowCount, available)
    masking = TokenMasking(vocabularySize: source.vocabularySize, seed: seed)
  }

  /// Number of batches.
  public var count: Int { (rowCount + shape.batchSize - 1) / shape.batchSize }

  /// One batch of the set.
  ///
  /// - Precondition: `index` is below ``count``.
  /// - Throws: where the source cannot be read.
  public func batch(_ index: Int) throws(CorpusError) -> TokenBatch {
    precondition((0..<count).contains(index), "batch \(index) of \(count)")
    let firstRow = index * shape.batchSize
    let rows = min(shape.batchSize, rowCount - firstRow)
    var batch = TokenBatch(batchSize: rows, sequenceLength: shape.sequenceLength)
    for row in 0..<rows {
      try batch.read(row: row, from: source, at: start(ofRow: firstRow + row), objective)
    }
    batch.targetCount = batch.targets.count
    if objective == .masked { masking.apply(to: &batch, shape, step: index, microBatch: 0) }
    return batch
  }

  /// Windows start at multiples of the sequence length, evenly spread over those that the source has.
  func start(ofRow row: Int) -> Int {
    let available = (source.tokenCount - shape.windowLength(objective)) / shape.sequenceLength + 1
    // row * available / rowCount, in a form in which nothing overflows.
    let (quotient, remainder) = available.quotientAndRemainder(dividingBy: rowCount)
    return (row * quotient + row * remainder / rowCount) * shape.sequenceLength
  }
}
