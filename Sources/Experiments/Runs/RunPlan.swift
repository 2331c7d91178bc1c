import Analysis
import Architecture
import Checkpoints
import Checksums
import Corpus
import Foundation
import Kernels
import RunData
import Text
import Training
import Transformer

/// One or more runs that were asked for: a configuration, and where and from what they are made.
package struct RunRequest {
  package let configuration: RunConfiguration
  let threadCount: Int
  /// Weights to start from; nil starts from random ones.
  let checkpoint: CheckpointStart?
  /// Updates between two checkpoints.
  let checkpointInterval: Int?

  package init(
    _ configuration: RunConfiguration, threadCount: Int, checkpoint: CheckpointStart? = nil,
    checkpointInterval: Int? = nil
  ) {
    var configuration = configuration
    // What failed is read off the outputs that the file holds.
    configuration.recording.activations =
      configuration.recording.activations || configuration.failure.testsOutputs
    self.configuration = configuration
    self.threadCount = threadCount
    self.checkpoint = checkpoint
    self.checkpointInterval = checkpointInterval
  }

  private var model: ModelSettings { configuration.model }
  private var training: TrainingSettings { configuration.training }
  private var recording: RecordingSettings { configuration.recording }
  private var corpus: CorpusSettings { configuration.corpus }
  private var precision: PrecisionSettings { configuration.precision }
}

/// One run, decided in full before it starts.
package struct PlannedRun {
  let architecture: ArchitectureChoice
  package let model: ModelConfiguration
  package let training: TrainingConfiguration
  package let manifest: RunManifest
  let checkpoint: CheckpointStart?
  /// The id that earlier versions gave it, which left out what was held out; nil where that is the same.
  var earlierID: String?
  /// What the model is evaluated on, which is opened again when the run is made: many runs may be planned at once.
  var evaluation: EvaluationSettings?
  /// What is watched for, and what is called then.
  package var alerts: [AlertRule] = []
  package var alertCommand: String?

  /// Whether an id is this run's, also that of an earlier version.
  package func hasID(_ id: String) -> Bool { id == manifest.runID || id == earlierID }

  /// The run file's name: architecture and seed.
  package var fileName: String { "\(manifest.architecture)-seed\(manifest.seed).h5" }

  /// Tokens of a sequence that its weights are made for; of a task's examples, which may be shorter, what they were made for before.
  var context: Int {
    let before = model.sequenceHead == nil ? nil : checkpoint?.checkpoint.statedContext
    return max(training.batch.sequenceLength, before ?? 0)
  }

  /// Memory that training takes: weights, gradients, moments, and what a pass keeps.
  package var memoryBytes: Double {
    let shape = PassShape(
      batchSize: training.batch.batchSize, sequenceLength: training.batch.sequenceLength)
    return model.trainingBytes(shape: shape) + model.noiseBytes(training.recording.noise, of: training.batch)
  }

  /// Floating-point operations of a step's matrix products and attention: six for each weight and token, and attention's four
  /// products, twice again in the backward pass.
  package var operationsPerStep: Double {
    let batch = training.batch
    let matrices = ParameterTable(model).parameters
      .filter { $0.spec.kind == .weight || $0.spec.kind == .embedding }.reduce(0) { $0 + $1.spec.count }
    let length = Double(batch.sequenceLength)
    let visible = model.objective == .causal ? (length + 1) / 2 : length
    let attention =
      12 * length * visible * Double(model.headCount * model.headDim * model.layerCount * batch.rowsPerStep)
    return 6 * Double(matrices) * Double(batch.tokensPerStep) + attention
  }
}

extension RunRequest {
  /// Opens the corpus. A file is read once, for its digest and frequencies.
  package func openCorpus() throws -> CorpusSplit {
    if let path = corpus.corpus { try checkpoint?.checkVocabulary(ofCorpus: path) }
    let text: CorpusRequest.Text =
      corpus.corpus.map { .file(path: $0, format: nil, vocabularySize: vocabularySize) }
      ?? .builtIn(vocabularySize: vocabularySize ?? model.languageVocabulary, seed: 0)
    let validation: CorpusRequest.Validation =
      corpus.validation.map { .file(path: $0, format: nil) } ?? corpus.holdOut.map { .lastFraction($0) }
      ?? .none
    return try CorpusSplit(CorpusRequest(text: text, validation: validation))
  }

  /// Token ids that are allowed, where that is known without the corpus.
  private var vocabularySize: Int? {
    checkpoint?.vocabularySize(objective: model.objective) ?? model.vocabSize
  }

  /// Decides one run, and checks that it can be had.
  package func plan(_ architecture: ArchitectureChoice, seed: UInt64, corpus: CorpusSplit) throws
    -> PlannedRun
  {
    var configuration =
      try checkpoint?.configuration(objective: model.objective)
      ?? model.configuration(
        of: architecture, corpusVocabulary: corpus.facts.vocabularySize, sequenceLength: training.sequence)
    configuration.precision = precision.precision
    if configuration.precision == .bf16 {
      configuration.hasNativeProducts = try ProductChoice.current() == .native
    }
    do { try configuration.validate() } catch { throw ExperimentError.refused("\(setting: "\(error)")") }
    let training = trainingConfiguration(seed: seed, corpus.facts)
    try checkParts(training.recording.noise, of: training.batch)
    // A corpus that is too short is refused before anything is made.
    _ = try BatchSampler(
      source: corpus.training, shape: training.batch, sampling: training.sampling,
      objective: configuration.objective, seed: seed)
    let evaluation =
      self.configuration.evaluation.isOn
      ? try RunEvaluation(
        self.configuration.evaluation, model: configuration, sequence: training.batch.sequenceLength,
        corpus: corpus) : nil
    try checkMemory(configuration, evaluation: evaluation)
    let heldOut = corpus.validationFacts
    let corpus = corpus.facts
    let settings = settings(
      architecture, configuration, training, corpus, heldOut: heldOut, evaluation: evaluation)
    let alerts = try recording.alertRules()
    let manifest = RunManifest(
      runID: settings.runID(corpus: corpus), architecture: architecture.label(of: configuration),
      configurationJSON: settings.watched(for: alerts).json,
      contract: .ours(objective: configuration.objective.rawValue),
      seed: seed, corpus: corpus, machine: Machine.facts(threadCount: threadCount, model: configuration),
      gradients: ParameterTable(configuration).gradientLayout(sequenceLength: training.batch.sequenceLength),
      scales: ParameterTable(configuration).scaleLayouts,
      operationNames: recording.activations ? ParameterTable(configuration).operationNames : [],
      stemOperationNames: recording.activations ? configuration.stemOperationNames : [],
      hasLossScale: training.lossScaling != nil, hasWeights: recording.weightsEvery > 0,
      hasUpdates: recording.weightsEvery > 0, hasNoise: training.recording.noise != nil,
      hasOutputMoments: recording.activations,
      hasExampleNorms: training.recording.noise != nil
        && ParameterTable(configuration).normParameters(of: configuration).contains { !$0.isEmpty },
      modelDim: configuration.modelDim,
      ffnDim: configuration.ffnDim, headCount: configuration.headCount, headDim: configuration.headDim,
      evaluations: evaluation?.layouts ?? [], startedAt: Date.now.ISO8601Format())
    // What a run has not is refused before anything is made.
    do { _ = try AlertWatch(alerts, of: manifest) } catch {
      throw ExperimentError.refused("\(setting: "alerts"): \(error)")
    }
    let earlierID = settings.without(Settings.ofHeldOut).runID(corpus: corpus)
    return PlannedRun(
      architecture: architecture, model: configuration, training: training, manifest: manifest,
      checkpoint: checkpoint, earlierID: earlierID == manifest.runID ? nil : earlierID,
      evaluation: evaluation == nil ? nil : self.configuration.evaluation, alerts: alerts,
      alertCommand: recording.alertCommand)
  }

  private func trainingConfiguration(seed: UInt64, _ corpus: CorpusFacts) -> TrainingConfiguration {
    let options = training
    var recording = recording.configuration
    recording.checkpointInterval = checkpointInterval
    recording.evaluationInterval = configuration.evaluation.evaluate?.interval
    return TrainingConfiguration(
      stepCount: configuration.schedule.steps,
      batch: BatchShape(
        batchSize: options.batch, sequenceLength: options.sequence, microBatchesPerStep: options.accumulate),
      sampling: options.sampling, seed: seed,
      schedule: configuration.schedule.schedule,
      optimizer: OptimizerConfiguration(
        method: options.optimizer, beta1: options.beta1, beta2: options.beta2, epsilon: options.epsilon,
        weightDecay: options.weightDecay, decayed: options.decayed, momentum: options.momentum ?? 0),
      clipNorm: options.clip,
      recording: recording, updatesParameters: configuration.updatesParameters,
      onNonfinite: self.recording.onNonfinite, lossScaling: precision.lossScaling,
      failure: configuration.failure.rules(precision: precision.precision, corpus))
  }

  private func checkParts(_ schedule: NoiseSchedule?, of batch: BatchShape) throws {
    guard let schedule, schedule.passes(of: batch) == nil else { return }
    throw ExperimentError.refused(
      "\(setting: "noise") \(schedule.parts) cannot cut a step's \(counted(batch.rowsPerStep, "sequence")) into equal parts: "
        + "\(setting: "batch") times \(setting: "accumulate") must be a multiple of it")
  }

  package func checkMemory(_ configuration: ModelConfiguration) throws {
    try checkMemory(configuration, evaluation: nil)
  }

  private func checkMemory(_ configuration: ModelConfiguration, evaluation: RunEvaluation?) throws {
    let shape = PassShape(batchSize: training.batch, sequenceLength: training.sequence)
    let batch = BatchShape(
      batchSize: training.batch, sequenceLength: training.sequence, microBatchesPerStep: training.accumulate)
    let needed =
      configuration.trainingBytes(shape: shape)
      + configuration.noiseBytes(recording.configuration.noise, of: batch)
      + (evaluation?.memoryBytes(configuration) ?? 0)
    guard needed > 0.95 * Machine.memoryBytes else { return }
    throw ExperimentError.refused(
      "this model and batch would take \(gigabytes(needed)) of memory, and there is "
        + "\(gigabytes(Machine.memoryBytes)); make \(setting: "layers"), \(setting: "dim"), "
        + "\(setting: "vocab-size"), \(setting: "sequence") or \(setting: "batch") smaller "
        + "(\(setting: "accumulate") keeps the global batch)")
  }

  private func gigabytes(_ bytes: Double) -> String {
    "\(rounded(bytes / 1e9, bytes >= 1e12 ? 0 : 1)) GB"
  }

}

extension Settings {
  /// Equal settings, seed and corpus give equal ids: 16 hexadecimal digits.
  func runID(corpus: CorpusFacts) -> String {
    String(SHA256.hexDigest(of: Array((json + corpus.sha256).utf8)).prefix(16))
  }
}

extension ModelConfiguration {
  /// Bytes that looking at batches by parts takes besides training.
  fileprivate func noiseBytes(_ schedule: NoiseSchedule?, of batch: BatchShape) -> Double {
    guard let passes = schedule?.passes(of: batch) else { return 0 }
    return passBytes(shape: PassShape(batchSize: passes.batchSize, sequenceLength: passes.sequenceLength))
  }
}
