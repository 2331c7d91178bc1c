import Architecture
import Checkpoints
import Corpus
import FineTuning
import Foundation
import RunData
import Training
import Transformer

/// A checkpoint that is fine-tuned on a task.
package struct FineTuningRequest {
  package let checkpoint: CheckpointStart
  /// What tables call the checkpoint.
  package let name: String
  package let task: PreparedTask
  let settings: FineTuningSettings
  let threadCount: Int

  package init(
    _ checkpoint: CheckpointStart, name: String, task: PreparedTask, settings: FineTuningSettings,
    threadCount: Int
  ) {
    (self.checkpoint, self.name, self.task) = (checkpoint, name, task)
    (self.settings, self.threadCount) = (settings, threadCount)
  }

  /// What the runs of a learning rate and a seed make smaller.
  func goal(seed: UInt64) -> TaskLearning<Float> {
    TaskLearning(task.data.task, task.sequences, batchSize: settings.batch, seed: seed)
  }

  var stepsPerEpoch: Int {
    TaskLearning<Float>.stepsPerEpoch(examples: task.sequences.training.count, batchSize: settings.batch)
  }

  /// The epoch, counted from 1, that so many updates are the end of.
  package func epoch(updates: Int) -> Double { Double(updates) / Double(stepsPerEpoch) }

  /// Decides one run, and checks that it can be had.
  package func plan(learningRate: Double, seed: UInt64) throws -> PlannedRun {
    var model = checkpoint.configuration(objective: checkpoint.checkpoint.statedObjective ?? .causal)
    model.sequenceHead = task.data.task.head
    (model.dropout, model.attentionDropout) = (settings.dropout, settings.attentionDropout)
    do { try model.validate() } catch { throw ExperimentError.refused("\(setting: "\(error)")") }
    let training = training(learningRate: learningRate, seed: seed)
    var configuration = RunConfiguration()
    configuration.recording = settings.recording
    let request = RunRequest(configuration, threadCount: threadCount, checkpoint: checkpoint)
    let corpus = CorpusFacts(
      name: task.data.task.argument, sha256: task.data.digest,
      tokenCount: task.sequences.training.reduce(0) { $0 + $1.tokens.count },
      vocabularySize: model.vocabularySize, unigramEntropy: .nan, entropyRate: nil)
    let architecture = checkpoint.architecture
    var keys = request.settings(architecture, model, training, corpus, heldOut: nil, evaluation: nil)
    keys["task"] = .text(task.data.task.argument)
    keys["batch"] = .integer(settings.batch)
    keys["context"] = .integer(task.limit)
    keys["warmup-share"] = .number(settings.warmupShare)
    keys["epochs"] = .number(epoch(updates: training.stepCount))
    for other in ["corpus", "accumulate", "sampling", "validate-every"] { keys[other] = nil }
    let table = ParameterTable(model)
    let run = PlannedRun(
      architecture: architecture, model: model, training: training,
      manifest: RunManifest(
        runID: keys.runID(corpus: corpus), architecture: architecture.label(of: model),
        configurationJSON: keys.json, contract: .ofExamples(isScore: task.data.task.head.target == .score),
        seed: seed, corpus: corpus, machine: Machine.facts(threadCount: threadCount, model: model),
        gradients: table.gradientLayout(sequenceLength: training.batch.sequenceLength),
        scales: table.scaleLayouts, operationNames: [], hasWeights: settings.recording.weightsEvery > 0,
        hasUpdates: settings.recording.weightsEvery > 0, metrics: task.data.task.metrics,
        modelDim: model.modelDim, ffnDim: model.ffnDim, headCount: model.headCount, headDim: model.headDim,
        startedAt: Date.now.ISO8601Format()),
      checkpoint: checkpoint)
    try checkMemory(run)
    return run
  }

  private func training(learningRate: Double, seed: UInt64) -> TrainingConfiguration {
    let steps = settings.steps ?? settings.epochs * stepsPerEpoch
    let shape = task.sequences.passShape(batchSize: settings.batch)
    var recording = settings.recording.configuration
    recording.validationInterval = settings.recording.validateEvery ?? stepsPerEpoch
    return TrainingConfiguration(
      stepCount: steps,
      batch: BatchShape(batchSize: shape.batchSize, sequenceLength: shape.sequenceLength), seed: seed,
      schedule: LearningRateSchedule(
        peak: learningRate, warmupSteps: Int((settings.warmupShare * Double(steps)).rounded()),
        decay: .linear, totalSteps: steps),
      optimizer: OptimizerConfiguration(
        beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
        weightDecay: settings.weightDecay), clipNorm: settings.clip, recording: recording,
      onNonfinite: settings.recording.onNonfinite)
  }

  private func checkMemory(_ run: PlannedRun) throws {
    guard run.memoryBytes > 0.95 * Machine.memoryBytes else { return }
    throw ExperimentError.refused(
      "\(name) and \(task.data.task.argument) would take \(rounded(run.memoryBytes / 1e9, 1)) GB of memory, and there is "
        + "\(rounded(Machine.memoryBytes / 1e9, 1)) GB; make \(setting: "context") or \(setting: "batch") smaller"
    )
  }
}
