import Architecture
import Corpus
import Kernels
import RunData
import Transformer

/// The goal of a language model: the mean negative log-likelihood of a corpus's tokens.
final class LanguageModelling<Scalar: KernelScalar>: TrainingGoal {
  private let shape: BatchShape
  private let sampler: BatchSampler
  private let validation: Validation<Scalar>?
  private var batch: TokenBatch

  /// - Throws: where the corpus is too short for one batch.
  init(
    of model: ModelConfiguration, corpus: CorpusSplit, configuration: TrainingConfiguration
  ) throws(CorpusError) {
    shape = configuration.batch
    sampler = try BatchSampler(
      source: corpus.training, shape: shape, sampling: configuration.sampling, objective: model.objective,
      seed: configuration.seed)
    validation = try corpus.validation.map { source throws(CorpusError) in
      try Validation(source: source, model: model, batch: configuration.batch)
    }
    batch = TokenBatch(batchSize: shape.batchSize, sequenceLength: shape.sequenceLength)
  }

  func lossCount(step: Int) -> Int { sampler.targetCount(step: step) }

  func computeGradients(
    of model: Model<Scalar>, step: Int, gradientScale: Double, seed: UInt64, measures: StepMeasures
  ) throws -> Double {
    let tokens = lossCount(step: step)
    var sum = 0.0
    for microBatch in 0..<shape.microBatchesPerStep {
      try measures.clock.measure(.data) { () throws(CorpusError) in
        try sampler.fill(&batch, step: step, microBatch: microBatch)
      }
      sum += model.computeGradients(
        tokens: batch.inputs, targets: batch.targets, gradientScale: gradientScale,
        accumulating: microBatch > 0,
        dropout: DropoutKey(seed: seed, step: step * shape.microBatchesPerStep + microBatch),
        probe: measures.probe, examples: measures.examples, batchTokens: tokens, clock: measures.clock)
    }
    return sum
  }

  func profile(_ model: Model<Scalar>) throws {
    try sampler.fill(&batch, step: 0)
    model.profileResiduals(tokens: batch.inputs)
  }

  func validate(_ model: Model<Scalar>, updates: Int) throws -> ValidationRecord? {
    try validation.map { ValidationRecord(step: updates, loss: try $0.loss(of: model)) }
  }
}
