import Architecture
import RunData

/// How many tokens one step takes from a corpus, and in which pieces.
public struct BatchShape: Equatable, Sendable {
  /// Rows of a micro-batch.
  public var batchSize: Int
  /// Tokens that the model sees in a row.
  public var sequenceLength: Int
  /// Micro-batches whose gradients are summed before an update.
  public var microBatchesPerStep: Int

  /// Creates a shape.
  /// - Precondition: all sizes are positive.
  public init(batchSize: Int, sequenceLength: Int, microBatchesPerStep: Int = 1) {
    precondition(batchSize > 0 && sequenceLength > 0 && microBatchesPerStep > 0)
    self.batchSize = batchSize
    self.sequenceLength = sequenceLength
    self.microBatchesPerStep = microBatchesPerStep
  }

  /// Rows of a global batch.
  public var rowsPerStep: Int { batchSize * microBatchesPerStep }
  /// Tokens of a global batch.
  public var tokensPerStep: Int { rowsPerStep * sequenceLength }

  /// The position of a row among all rows of the run: the first row of step 0 is 0.
  func firstRow(step: Int, microBatch: Int) -> Int {
    precondition(step >= 0 && (0..<microBatchesPerStep).contains(microBatch))
    return (step * microBatchesPerStep + microBatch) * batchSize
  }

  /// Tokens that a row takes from the corpus: with the causal objective, targets are one to the right.
  func windowLength(_ objective: Objective) -> Int {
    objective == .causal ? sequenceLength + 1 : sequenceLength
  }

  func checkLength(_ source: any TokenSource, _ objective: Objective) throws(CorpusError) {
    let needed = windowLength(objective)
    guard source.tokenCount >= needed else {
      let parts = objective == .causal ? ", and the target of its last token" : ""
      throw CorpusError(
        corpus: source.name,
        problem: "has \(source.tokenCount) tokens; at least \(needed) are needed: "
          + "a sequence of \(sequenceLength)\(parts)",
        advice: "Use a longer corpus or a shorter sequence")
    }
  }
}
