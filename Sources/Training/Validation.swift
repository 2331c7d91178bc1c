import Architecture
import Corpus
import Kernels
import RunData
import Transformer

/// Held-out text, cut into a fixed set of batches.
struct Validation {
  private let batches: ValidationBatches

  /// Tokens of the fixed set, at most: some hundred batches of a small model.
  private static let mostTokens = 1 << 14

  init(source: any TokenSource, model: ModelConfiguration, batch: BatchShape) throws(CorpusError) {
    let rows = max(
      batch.batchSize, Self.mostTokens / batch.sequenceLength / batch.batchSize * batch.batchSize)
    batches = try ValidationBatches(
      source: source, batchSize: batch.batchSize, sequenceLength: batch.sequenceLength, rowCount: rows,
      objective: model.objective)
  }

  /// Mean negative log-likelihood of the set's targets, nats.
  func loss<Scalar: KernelScalar>(of model: Model<Scalar>) throws(CorpusError) -> Double {
    var sum = 0.0
    var count = 0
    for index in 0..<batches.count {
      let batch = try batches.batch(index)
      // The last batch may lack rows; a model takes whole batches, and rows without targets do not count.
      let missing = model.shape.rows - batch.inputs.count
      sum += model.loss(
        tokens: batch.inputs + Array(repeating: 0, count: missing),
        targets: batch.targets + Array(repeating: TokenBatch.ignoredTarget, count: missing))
      count += batch.targetCount
    }
    return sum / Double(count)
  }
}
