import Architecture
import Corpus
import RunData
import Training

extension RunRequest {
  /// Every setting that decides what a run computes.
  func settings(
    _ architecture: ArchitectureChoice, _ model: ModelConfiguration, _ training: TrainingConfiguration,
    _ corpus: CorpusFacts, heldOut: CorpusFacts?, evaluation: RunEvaluation?
  ) -> Settings {
    var settings = Settings()
    settings["architecture"] = .text(architecture.name)
    settings["layers"] = .integer(model.layerCount)
    settings["dim"] = .integer(model.modelDim)
    settings["heads"] = .integer(model.headCount)
    settings["ffn-dim"] = .integer(model.ffnDim)
    settings["vocab-size"] = .integer(model.vocabularySize)
    if let wiring = model.paperWiring {
      add(wiring, to: &settings)
    } else {
      addArchitecture(of: model, to: &settings)
    }
    settings["objective"] = .text(model.objective.rawValue)
    settings["init"] = .text(model.initialization.rawValue)
    settings["dropout"] = .number(model.dropout)
    settings["attention-dropout"] = .number(model.attentionDropout)
    // Runs of before there were others keep their ids.
    if model.precision != .fp32 { settings["precision"] = .text(model.precision.rawValue) }
    add(training, to: &settings)
    settings["corpus"] = .text(corpus.name)
    settings["hold-out"] = configuration.corpus.holdOut.map { .number($0) }
    settings["validation"] = heldOut.map { .text($0.name) }
    settings[Settings.validationDigest] = heldOut.map { .text($0.sha256) }
    if let evaluation { add(evaluation, to: &settings) }
    settings["update"] = .flag(training.updatesParameters)
    settings["from-checkpoint"] = checkpoint.map { .text($0.digest) }
    return settings
  }

  private func add(_ evaluation: RunEvaluation, to settings: inout Settings) {
    let given = configuration.evaluation
    settings["evaluate"] = .text((given.evaluate ?? .end).description)
    settings["evaluate-text"] = given.texts.map { .text($0.map(\.fileNames).joined(separator: ",")) }
    settings["evaluate-task"] = given.tasks.map { .text($0.fileNames) }
    if !evaluation.digest.isEmpty { settings[Settings.evaluationDigest] = .text(evaluation.digest) }
    settings["evaluate-context"] = given.context.map { .integer($0) }
    settings["evaluate-stride"] = given.stride.map { .integer($0) }
  }

  private func add(_ wiring: PaperWiring, to settings: inout Settings) {
    let additions = wiring.additions
    settings["scale-attn"] = .flag(additions.scaleAttention)
    settings["scale-fc"] = .flag(additions.scaleFFN)
    settings["scale-heads"] = .flag(additions.scaleHeads != nil)
    settings["head-scale-placement"] = additions.scaleHeads.map { .text($0.rawValue) }
    settings["scale-resids"] = .flag(additions.scaleResiduals != .none)
    if additions.scaleResiduals != .none {
      settings["res-scale-placement"] = .text(additions.scaleResiduals.rawValue)
    }
    settings["qkv-norm"] = .flag(additions.normQueryKeyValue)
    settings["activation"] = .text(wiring.activation.rawValue)
    settings["norm"] = .text(wiring.norm.rawValue)
  }

  private func addArchitecture(of model: ModelConfiguration, to settings: inout Settings) {
    settings["kv-heads"] = .integer(model.keyValueHeadCount)
    settings["head-dim"] = .integer(model.headDim)
    if model.positionCount > 0 { settings["positions"] = .integer(model.positionCount) }
    settings["architecture-text"] = .text(model.architecture.resolvedText)
  }

  private func add(_ training: TrainingConfiguration, to settings: inout Settings) {
    settings["sequence"] = .integer(training.batch.sequenceLength)
    settings["batch"] = .integer(training.batch.batchSize)
    settings["accumulate"] = .integer(training.batch.microBatchesPerStep)
    settings["steps"] = .integer(training.stepCount)
    if training.schedule.decay == .ramp {
      settings["lr-slope"] = .number(training.schedule.slope)
    } else {
      settings["lr"] = .number(training.schedule.peak)
      settings["warmup"] = .integer(training.schedule.warmupSteps)
    }
    settings["decay"] = .text(training.schedule.decay.rawValue)
    settings["clip"] = training.clipNorm.map { .number($0) }
    settings["seed"] = .text(String(training.seed))
    settings["sampling"] = .text(training.sampling.rawValue)
    switch training.optimizer.method {
    case .adamW:
      settings["beta1"] = .number(training.optimizer.beta1)
      settings["beta2"] = .number(training.optimizer.beta2)
      settings["epsilon"] = .number(training.optimizer.epsilon)
    case .sgd:
      // Runs of before there was another keep their ids.
      settings["optimizer"] = .text(training.optimizer.method.rawValue)
      settings["momentum"] = .number(training.optimizer.momentum)
    }
    settings["weight-decay"] = .number(training.optimizer.weightDecay)
    settings["decayed"] = .text(training.optimizer.decayed.rawValue)
    let recording = configuration.recording
    settings["every"] = .integer(recording.every)
    settings["per-decade"] = recording.perDecade.map { .integer($0) }
    settings["snapshot-every"] = .integer(recording.snapshotEvery)
    settings["validate-every"] = recording.validateEvery.map { .integer($0) }
    settings["activations"] = .flag(recording.activations)
    // Runs of before they were recorded keep their ids: they compute the same.
    if recording.weightsEvery != RecordingConfiguration.usualWeightInterval {
      settings["weights-every"] = .integer(recording.weightsEvery)
    }
    if let noise = training.recording.noise {
      settings["noise"] = .integer(noise.parts)
      settings["noise-every"] = .integer(noise.interval)
    }
    settings["on-nonfinite"] = .text(recording.onNonfinite.rawValue)
    settings["until"] = configuration.failure.until.map { .text($0.rawValue) }
    settings["divergence-margin"] = training.failure.divergence.map { .number($0.margin) }
    settings["loss-scale"] = training.lossScaling.map { .number($0.initialScale) }
    settings["loss-scale-window"] = training.lossScaling.map { .integer($0.window) }
  }
}
