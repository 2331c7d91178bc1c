import Architecture
import Corpus
import Kernels
import RunData
import Transformer

/// Held-out text, cut into a fixed set of batches.
final class Validation<Scalar: KernelScalar> {
  private let batches: ValidationBatches
  private let shape: PassShape
  /// The model in passes of this shape, where that is not the model's own.
  private var reshaped: Model<Scalar>?

  /// Tokens of the fixed set, at most: some hundred batches of a small model.
  private static var mostTokens: Int { 1 << 14 }
  /// Tokens of a pass, at least: smaller ones take as long.
  private static var fewestTokens: Int { 256 }

  init(source: any TokenSource, model: ModelConfiguration, batch: BatchShape) throws(CorpusError) {
    let rows = max(
      batch.batchSize, Self.mostTokens / batch.sequenceLength / batch.batchSize * batch.batchSize)
    // Which tokens are masked goes by the batches.
    let fewest = model.objective == .causal ? min(rows, Self.fewestTokens / batch.sequenceLength) : 1
    shape = PassShape(batchSize: max(batch.batchSize, fewest), sequenceLength: batch.sequenceLength)
    batches = try ValidationBatches(
      source: source, batchSize: shape.batchSize, sequenceLength: shape.sequenceLength, rowCount: rows,
      objective: model.objective)
  }

  /// Mean negative log-likelihood of the set's targets, nats.
  /// - Precondition: the model is the same one every time.
  func loss(of trained: Model<Scalar>) throws(CorpusError) -> Double {
    if shape != trained.shape, reshaped == nil {
      reshaped = Model(sharingParametersOf: trained, shape: shape, hasBackward: false)
    }
    let model = reshaped ?? trained
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
