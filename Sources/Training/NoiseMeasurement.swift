import Architecture
import Corpus
import Kernels
import RunData
import Transformer

/// At which steps the batch is looked at by parts, too, and how many.
public struct NoiseSchedule: Equatable, Sendable {
  /// Equal parts of whole sequences that a step's batch is cut into; at least two.
  public var parts: Int
  /// Steps between two that are looked at, from step 0 on.
  public var interval: Int

  /// A step by parts takes as long again; of every tenth step that is a tenth more.
  public static let usualInterval = 10

  /// Creates a schedule.
  /// - Precondition: `parts` is at least 2, `interval` at least 1.
  public init(parts: Int, interval: Int = NoiseSchedule.usualInterval) {
    precondition(parts > 1 && interval > 0)
    self.parts = parts
    self.interval = interval
  }

  /// The passes in which the parts of a batch are computed: as large as they can be without more memory for activations than a micro-batch's;
  /// nil where the batch's sequences cannot be cut into so many equal parts.
  public func passes(of batch: BatchShape) -> BatchShape? {
    guard batch.rowsPerStep % parts == 0 else { return nil }
    let rows = greatestCommonDivisor(batch.batchSize, batch.rowsPerStep / parts)
    return BatchShape(
      batchSize: rows, sequenceLength: batch.sequenceLength, microBatchesPerStep: batch.rowsPerStep / rows)
  }
}

private func greatestCommonDivisor(_ first: Int, _ second: Int) -> Int {
  second == 0 ? first : greatestCommonDivisor(second, first % second)
}

/// Computes the gradients of a step's parts, beside those that the step goes on with: a second set of gradients and activations on the same
/// parameters, so that nothing of the run changes.
struct NoiseMeasurement<Scalar: KernelScalar> {
  let schedule: NoiseSchedule
  private let passes: BatchShape
  private let recorder: GradientRecorder<Scalar>
  private let sampler: BatchSampler
  private let seed: UInt64

  /// - Precondition: the schedule can cut the batch.
  init(
    _ schedule: NoiseSchedule, model: Model<Scalar>, corpus: any TokenSource,
    configuration: TrainingConfiguration
  ) throws(CorpusError) {
    guard let passes = schedule.passes(of: configuration.batch) else {
      preconditionFailure(
        "\(configuration.batch.rowsPerStep) sequences cannot be cut into \(schedule.parts) parts")
    }
    self.schedule = schedule
    self.passes = passes
    seed = configuration.seed
    recorder = GradientRecorder(
      model: Model(
        sharingParametersOf: model,
        shape: PassShape(batchSize: passes.batchSize, sequenceLength: passes.sequenceLength)))
    sampler = try BatchSampler(
      source: corpus, shape: passes, sampling: configuration.sampling,
      objective: model.configuration.objective, seed: seed)
  }

  func includes(step: Int) -> Bool { step % schedule.interval == 0 }

  /// Measures a step's parts with the parameters as they are.
  ///
  /// - Parameters:
  ///   - whole: the sums of the whole batch's gradient.
  ///   - lossScale: the factor on the loss in formats of 16 bits; nil without.
  /// - Returns: nil where a part has no token that a loss is taken at, or its gradient is not finite (in 16 bits it can overflow alone).
  func measure(
    step: Int, whole: (layers: SumColumns, stem: SumColumns), lossScale: Double?
  ) throws(CorpusError) -> NoiseRecord? {
    let passesPerPart = passes.microBatchesPerStep / schedule.parts
    var (layers, stem) = (SquareSums(count: whole.layers.count), SquareSums(count: whole.stem.count))
    var inverseTokens = 0.0
    for part in 0..<schedule.parts {
      let batches = try (0..<passesPerPart).map { pass throws(CorpusError) in
        try sampler.batch(step: step, microBatch: part * passesPerPart + pass)
      }
      let tokens = batches.reduce(0) { $0 + $1.targetCount }
      guard tokens > 0 else { return nil }
      let scale = lossScale ?? 1 / Double(tokens)
      for (pass, batch) in batches.enumerated() {
        _ = recorder.model.computeGradients(
          tokens: batch.inputs, targets: batch.targets, gradientScale: scale, accumulating: pass > 0,
          dropout: dropoutKey(step: step, pass: part * passesPerPart + pass))
      }
      let sums = recorder.measure()
      guard sums.l2.isFinite else { return nil }
      let factor = lossScale.map { 1 / ($0 * Double(tokens)) } ?? 1
      layers.add(sums.layers, factor: factor)
      stem.add(sums.stem, factor: factor)
      inverseTokens += 1 / Double(tokens)
    }
    return NoiseRecord(
      step: step, parts: schedule.parts, partTokens: Double(schedule.parts) / inverseTokens,
      tokens: sampler.targetCount(step: step), partSquares: layers.values, stemPartSquares: stem.values,
      squares: whole.layers.sumSquares, stemSquares: whole.stem.sumSquares)
  }

  /// Masks of their own: the parts' noise is that of independent passes, as the whole's is.
  private func dropoutKey(step: Int, pass: Int) -> DropoutKey {
    DropoutKey(seed: ~seed, step: step * passes.microBatchesPerStep + pass)
  }
}

/// Sums of squares over several gradients.
private struct SquareSums {
  private(set) var values: [Double]

  init(count: Int) { values = Array(repeating: 0, count: count) }

  mutating func add(_ sums: SumColumns, factor: Double) {
    for index in values.indices { values[index] += sums.sumSquares[index] * factor * factor }
  }
}
