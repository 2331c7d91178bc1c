import Architecture
import Randomness
import RunData

/// Gives every micro-batch of a run.
///
/// A batch is a pure function of source, shape, seed, step and micro-batch: a resumed run sees what an uninterrupted one
/// would have, and equal seeds give equal batches to every architecture. Rows are numbered through the run, so that the
/// same global batch comes out however it is cut into micro-batches.
public struct BatchSampler: Sendable {
  /// The corpus that rows are cut from.
  public let source: any TokenSource
  /// Sizes.
  public let shape: BatchShape
  /// Where rows start.
  public let sampling: Sampling
  /// What the targets are.
  public let objective: Objective

  private let starts: Philox
  private let masking: TokenMasking

  /// Creates the sampler.
  ///
  /// - Throws: where the corpus is shorter than one window: `sequenceLength + 1` tokens with the causal objective,
  ///   `sequenceLength` with the masked one.
  public init(
    source: any TokenSource, shape: BatchShape, sampling: Sampling = .random,
    objective: Objective = .causal, seed: UInt64
  ) throws(CorpusError) {
    try shape.checkLength(source, objective)
    self.source = source
    self.shape = shape
    self.sampling = sampling
    self.objective = objective
    starts = Philox(seed: seed, stream: "batch.starts")
    masking = TokenMasking(vocabularySize: source.vocabularySize, seed: seed)
  }

  /// The vocabulary that a model needs: the masked objective adds one id, ``TokenMasking/maskToken``, after the
  /// corpus's own.
  public var modelVocabularySize: Int {
    objective == .causal ? source.vocabularySize : source.vocabularySize + 1
  }

  /// One micro-batch.
  /// - Throws: where the source cannot be read.
  public func batch(step: Int, microBatch: Int = 0) throws(CorpusError) -> TokenBatch {
    var batch = TokenBatch(batchSize: shape.batchSize, sequenceLength: shape.sequenceLength)
    try fill(&batch, step: step, microBatch: microBatch)
    return batch
  }

  /// Writes a micro-batch into `batch`.
  /// - Precondition: `batch` has the sampler's sizes.
  /// - Throws: where the source cannot be read.
  public func fill(_ batch: inout TokenBatch, step: Int, microBatch: Int = 0) throws(CorpusError) {
    precondition(batch.batchSize == shape.batchSize && batch.sequenceLength == shape.sequenceLength)
    let firstRow = shape.firstRow(step: step, microBatch: microBatch)
    for row in 0..<shape.batchSize {
      try batch.read(row: row, from: source, at: start(ofRow: firstRow + row), objective)
    }
    switch objective {
    case .causal: batch.targetCount = batch.targets.count
    case .masked: masking.apply(to: &batch, shape, step: step, microBatch: microBatch)
    }
  }

  /// Targets of a whole global batch: what its mean loss divides by.
  public func targetCount(step: Int) -> Int {
    objective == .causal ? shape.tokensPerStep : masking.selectedCount(shape, step: step)
  }

  /// Where a row starts in the corpus.
  ///
  /// - `random`: uniform over every position that a whole window follows.
  /// - `sequential`: row r of the run starts at token `r * sequenceLength`. At the end of the corpus it starts over from
  ///   the first token; a rest that is shorter than a window is not read.
  func start(ofRow row: Int) -> Int {
    let window = shape.windowLength(objective)
    switch sampling {
    case .random:
      return starts.integer(below: source.tokenCount - window + 1, at: UInt64(row))
    case .sequential:
      let windowCount = (source.tokenCount - window) / shape.sequenceLength + 1
      return row % windowCount * shape.sequenceLength
    }
  }
}

extension TokenBatch {
  /// Reads inputs and targets of one row; masked targets start as the tokens themselves.
  mutating func read(
    row: Int, from source: any TokenSource, at start: Int, _ objective: Objective
  ) throws(CorpusError) {
    let first = row * sequenceLength
    let range = first..<(first + sequenceLength)
    try source.read(into: &inputs, range: range, at: start)
    switch objective {
    case .masked:
      targets.replaceSubrange(range, with: inputs[range])
    case .causal:
      targets.replaceSubrange(first..<(range.upperBound - 1), with: inputs[(first + 1)..<range.upperBound])
      try source.read(
        into: &targets, range: (range.upperBound - 1)..<range.upperBound, at: start + sequenceLength)
    }
  }
}
