import Architecture
import Corpus
import Kernels
import RunData
import Testing
import Training
import Transformer

/// What a run promises: measuring changes nothing, the same command gives the same numbers, every scheduled step is there.
@Suite struct TrainerTests {
  private struct Result {
    var records: [StepRecord] = []
    var losses: [Double] = []
    var snapshots: [ScaleSnapshot] = []
    var reports: [NonfiniteReport] = []
    var noise: [NoiseRecord] = []
    var end: TrainingEnd = .finished
    var parameters: [Float] = []
    var table: ParameterTable?
    var configuration: ModelConfiguration
  }

  private func train(
    recording: RecordingConfiguration = RecordingConfiguration(snapshotInterval: 4),
    batch: BatchShape = BatchShape(batchSize: 4, sequenceLength: 12), rate: Double = 1e-2,
    clip: Double? = nil,
    steps: Int = 10, threads: Int = 2, dropout: Double = 0, updates: Bool = true,
    onNonfinite: NonfinitePolicy = .stop, stopAfter: Int = .max, objective: Objective = .causal,
    preset: String? = nil
  ) throws -> Result {
    var configuration = ModelConfiguration(
      layerCount: 3, modelDim: 20, headCount: 2, vocabularySize: 32, placement: .preLN,
      additions: .normFormer,
      objective: objective, dropout: dropout, attentionDropout: dropout)
    if let preset {
      configuration.architecture = try #require(ArchitecturePreset.named(preset))
      configuration.positionCount = batch.sequenceLength
    }
    let model = try Model<Float>(
      configuration, shape: PassShape(batchSize: batch.batchSize, sequenceLength: batch.sequenceLength),
      team: Team(threadCount: threads))
    model.initialize(seed: 3)
    let corpus = try CorpusSplit(CorpusRequest(text: .builtIn(vocabularySize: 32, seed: 1)))
    let trainer = try Trainer(
      model: model, corpus: corpus,
      configuration: TrainingConfiguration(
        stepCount: steps, batch: batch, seed: 3,
        schedule: LearningRateSchedule(peak: rate, warmupSteps: 2, decay: .constant, totalSteps: steps),
        clipNorm: clip, recording: recording, updatesParameters: updates, onNonfinite: onNonfinite))
    var result = Result(table: model.table, configuration: configuration)
    result.end = try trainer.run(shouldStop: { result.losses.count >= stopAfter }) { event in
      switch event {
      case .recorded(let record):
        result.records.append(record)
        result.losses.append(record.loss)
      case .passed(_, let loss, _): result.losses.append(loss)
      case .snapshot(let snapshot): result.snapshots.append(snapshot)
      case .nonfinite(let report): result.reports.append(report)
      case .noise(let record): result.noise.append(record)
      case .validated, .evaluated, .checkpointDue: break
      }
    }
    result.parameters = model.table.parameters.indices.flatMap { model.parameter($0).array() }
    return result
  }

  private func withoutSeconds(_ records: [StepRecord]) -> [StepRecord] {
    records.map {
      var record = $0
      record.seconds = 0
      return record
    }
  }

  @Test(arguments: [0.0, 0.2])
  func measuringChangesNothing(dropout: Double) throws {
    let all = try train(
      recording: RecordingConfiguration(snapshotInterval: 1, activations: true), dropout: dropout)
    let few = try train(
      recording: RecordingConfiguration(schedule: .every(7), snapshotInterval: 100), dropout: dropout)
    #expect(all.losses == few.losses)
    #expect(all.parameters == few.parameters)
    #expect(few.records.map(\.step) == [0, 7])
    #expect(withoutSeconds(few.records)[1].gradients == all.records[7].gradients)
  }

  @Test(arguments: [0.0, 0.2])
  func lookingAtPartsChangesNothing(dropout: Double) throws {
    let halves = BatchShape(batchSize: 2, sequenceLength: 12, microBatchesPerStep: 2)
    let with = try train(
      recording: RecordingConfiguration(noise: NoiseSchedule(parts: 4, interval: 3)), batch: halves, clip: 1,
      dropout: dropout)
    let without = try train(batch: halves, clip: 1, dropout: dropout)
    #expect(with.losses == without.losses)
    #expect(with.parameters == without.parameters)
    let ofParts = withoutSeconds(with.records).map {
      var record = $0
      record.exampleNorms = nil
      return record
    }
    #expect(ofParts == withoutSeconds(without.records))
    #expect(with.noise.map(\.step) == [0, 3, 6, 9])
    for record in with.noise {
      #expect(record.squares == with.records[record.step].gradients.sumSquares)
      #expect(record.stemSquares == with.records[record.step].stemGradients.sumSquares)
    }
  }

  /// The parts of a batch of four rows are what runs of smaller batches measure, whose steps take the same rows one after the other.
  @Test(arguments: [(parts: 4, Objective.causal), (parts: 2, .causal), (parts: 2, .masked)])
  func partsAreTheGradientsOfSmallerBatches(parts: Int, objective: Objective) throws {
    let record = try train(
      recording: RecordingConfiguration(noise: NoiseSchedule(parts: parts)), steps: 1, objective: objective
    ).noise[0]
    let alone = try train(
      batch: BatchShape(batchSize: 4 / parts, sequenceLength: 12), steps: parts, updates: false,
      objective: objective
    ).records
    let sums = (0..<record.partSquares.count).map { cell in
      alone.reduce(0) { $0 + $1.gradients.sumSquares[cell] }
    }
    #expect(record.partSquares == sums)
    let inverse = alone.reduce(0) { $0 + 1 / Double($1.tokens) }
    #expect(abs(record.partTokens - Double(parts) / inverse) <= 1e-12 * record.partTokens)
    #expect(record.parts == parts && record.tokens == alone.reduce(0) { $0 + $1.tokens })
  }

  /// Where the parts are single sequences, the norms' share of the parts' squares is what one pass over the whole batch finds by sequence:
  /// LayerNorms with biases, RMSNorms, the heads of a QK-norm, norms outside of the layers; sequences of unequally many targets.
  @Test(arguments: [
    ("pre-ln", Objective.causal), ("normformer", .masked), ("llama", .causal), ("qwen3", .causal),
    ("peri-ln", .masked), ("gemma3", .causal),
  ])
  func normsTellTheGradientsOfSequences(preset: String, objective: Objective) throws {
    let result = try train(
      recording: RecordingConfiguration(noise: NoiseSchedule(parts: 4, interval: 1)),
      batch: BatchShape(batchSize: 2, sequenceLength: 12, microBatchesPerStep: 2), steps: 3,
      objective: objective, preset: preset)
    let table = try #require(result.table)
    let norms = table.normParameters(of: result.configuration)
    for (record, noise) in zip(result.records, result.noise) {
      let found = try #require(record.exampleNorms)
      #expect(found.examples == 4)
      #expect(abs(found.exampleTokens - noise.partTokens) <= 1e-12 * noise.partTokens)
      let columns = table.layerTensorNames
      func sum(_ squares: [Double], layer: Int) -> Double {
        norms[layer].reduce(0) { total, index in
          let column = columns.firstIndex(of: table.parameters[index].spec.name) ?? 0
          return total + squares[layer * columns.count + column]
        }
      }
      for layer in 0..<3 {
        let (byParts, whole) = (sum(noise.partSquares, layer: layer), sum(noise.squares, layer: layer))
        // Float32 sums over the same rows in another order.
        #expect(abs(found.exampleSquares[layer] - byParts) <= 1e-5 * byParts)
        #expect(abs(found.squares[layer] - whole) <= 1e-12 * whole)
      }
      let stem = norms[3].map { table.stemIndices.firstIndex(of: $0) ?? 0 }
      let byParts = stem.reduce(0) { $0 + noise.stemPartSquares[$1] }
      #expect(abs(found.stemExampleSquares - byParts) <= 1e-5 * byParts)
      #expect(abs(found.stemSquares - stem.reduce(0) { $0 + noise.stemSquares[$1] }) <= 1e-12 * byParts)
    }
  }

  @Test(arguments: 1...3)
  func theSameCommandGivesTheSameBits(threads: Int) throws {
    let first = try train(threads: threads, dropout: 0.1)
    let second = try train(threads: threads, dropout: 0.1)
    #expect(withoutSeconds(first.records) == withoutSeconds(second.records))
    #expect(first.snapshots == second.snapshots)
    #expect(first.parameters == second.parameters)
  }

  /// One global batch of four rows, as one micro-batch and as two, with causal and with masked targets.
  @Test(arguments: Objective.allCases)
  func accumulationGivesTheGradientOfTheGlobalBatch(objective: Objective) throws {
    let whole = try train(steps: 1, objective: objective).records[0]
    let halves = try train(
      batch: BatchShape(batchSize: 2, sequenceLength: 12, microBatchesPerStep: 2), steps: 1,
      objective: objective
    ).records[0]
    #expect(whole.tokens == halves.tokens)
    #expect(abs(whole.loss - halves.loss) <= 1e-6 * whole.loss)
    for (one, other) in zip(
      whole.gradients.l1 + whole.stemGradients.l1, halves.gradients.l1 + halves.stemGradients.l1)
    {
      // Float32 sums in another order; the floor is for gradients that are zero by construction.
      #expect(abs(one - other) <= 1e-4 * one + 1e-5)
    }
  }

  @Test func gradientsAreRecordedBeforeClipping() throws {
    let free = try train(steps: 1).records[0]
    let clipped = try train(clip: 0.01, steps: 1).records[0]
    #expect(free.gradients == clipped.gradients)
    #expect(free.gradientL2 == clipped.gradientL2)
    #expect(free.clipCoefficient == 1)
    // The definition: clip / (norm + 1e-6).
    #expect(abs(clipped.clipCoefficient - 0.01 / (clipped.gradientL2 + 1e-6)) <= 1e-15)
  }

  @Test func theWholeGradientsNormIsTheSumOfItsParts() throws {
    let record = try train(steps: 1).records[0]
    let sum = (record.gradients.sumSquares + record.stemGradients.sumSquares).reduce(0, +)
    #expect(abs(record.gradientL2 - sum.squareRoot()) <= 1e-12 * record.gradientL2)
  }

  @Test func withoutUpdatesEveryStepMeasuresTheSameWeights() throws {
    let still = try train(steps: 3, updates: false)
    let moving = try train(steps: 3)
    #expect(still.snapshots.allSatisfy { $0.values == still.snapshots[0].values })
    #expect(still.parameters != moving.parameters)
    #expect(still.losses[0] == moving.losses[0])
  }

  @Test func snapshotsHoldTheFirstAndTheLastValues() throws {
    #expect(try train(steps: 10).snapshots.map(\.step) == [0, 4, 8, 10])
    // A stop leaves no snapshot that an uninterrupted run would not have.
    #expect(try train(steps: 10, stopAfter: 5).snapshots.map(\.step) == [0, 4])
  }

  @Test func aStopIsAnOrderlyEnd() throws {
    let result = try train(steps: 10, stopAfter: 5)
    #expect(result.end == .interrupted)
    #expect(result.records.map(\.step) == [0, 1, 2, 3, 4])
  }

  @Test func aLossThatIsNotFiniteIsRecordedNamedAndEndsTheRun() throws {
    let result = try train(rate: 1e30, steps: 30)
    guard case .nonfinite(let report) = result.end else {
      Issue.record("ended with \(result.end)")
      return
    }
    // Compared as text: a loss that is not a number equals nothing.
    #expect(result.reports.map(\.description) == [report.description])
    #expect(result.records.last?.step == report.step)
    #expect(report.operation != nil || report.tensor != nil)
    #expect(result.records.last?.gradients.nonfinite.contains { $0 > 0 } == true)
    let goesOn = try train(rate: 1e30, steps: 30, onNonfinite: .continue)
    #expect(goesOn.end == .finished && goesOn.records.count == 30)
  }

  @Test func schedulesTakeTheStepsThatTheySay() {
    #expect((0..<10).filter { RecordingSchedule.every(3).includes(step: $0) } == [0, 3, 6, 9])
    #expect(
      (0..<1001).filter { RecordingSchedule.logarithmic(perDecade: 3).includes(step: $0) }
        == [0, 1, 2, 5, 10, 22, 46, 100, 215, 464, 1000])
  }
}
