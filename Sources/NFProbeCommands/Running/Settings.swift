import Corpus
import Foundation
import Kernels
import RunData
import Training
import Transformer

/// A run's settings by the names that the command line gives them.
struct Settings {
  /// A setting's value.
  enum Value: Encodable {
    case text(String)
    case integer(Int)
    case number(Double)
    case flag(Bool)

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let value): try container.encode(value)
      case .integer(let value): try container.encode(value)
      case .number(let value): try container.encode(value)
      case .flag(let value): try container.encode(value)
      }
    }
  }

  private(set) var values: [String: Value] = [:]

  subscript(name: String) -> Value? {
    get { values[name] }
    set { values[name] = newValue }
  }

  /// One JSON object with sorted keys. JSON is YAML: it can be given to `--config`.
  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Strings, integers, flags and finite numbers always encode.
    return (try? encoder.encode(values)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }
}

extension RunRequest {
  /// Every setting that decides what a run computes.
  func settings(
    _ architecture: Architecture, _ model: ModelConfiguration, _ training: TrainingConfiguration,
    _ corpus: CorpusFacts
  ) -> Settings {
    var settings = Settings()
    settings["architecture"] = .text(architecture.rawValue)
    settings["layers"] = .integer(model.layerCount)
    settings["dim"] = .integer(model.modelDim)
    settings["heads"] = .integer(model.headCount)
    settings["ffn-dim"] = .integer(model.ffnDim)
    settings["vocab-size"] = .integer(model.vocabularySize)
    settings["scale-attn"] = .flag(model.additions.scaleAttention)
    settings["scale-fc"] = .flag(model.additions.scaleFFN)
    settings["scale-heads"] = .flag(model.additions.scaleHeads != nil)
    settings["head-scale-placement"] = model.additions.scaleHeads.map { .text($0.rawValue) }
    settings["scale-resids"] = .flag(model.additions.scaleResiduals != .none)
    if model.additions.scaleResiduals != .none {
      settings["res-scale-placement"] = .text(model.additions.scaleResiduals.rawValue)
    }
    settings["qkv-norm"] = .flag(model.additions.normQueryKeyValue)
    settings["activation"] = .text(model.activation.rawValue)
    settings["norm"] = .text(model.norm.rawValue)
    settings["objective"] = .text(model.objective.rawValue)
    settings["init"] = .text(model.initialization.rawValue)
    settings["dropout"] = .number(model.dropout)
    settings["attention-dropout"] = .number(model.attentionDropout)
    // Runs of before there were others keep their ids.
    if model.precision != .fp32 { settings["precision"] = .text(model.precision.rawValue) }
    add(training, to: &settings)
    settings["corpus"] = .text(corpus.name)
    settings["update"] = .flag(training.updatesParameters)
    settings["from-checkpoint"] = checkpoint.map { .text($0.digest) }
    return settings
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
    settings["every"] = .integer(recording.every)
    settings["per-decade"] = recording.perDecade.map { .integer($0) }
    settings["snapshot-every"] = .integer(recording.snapshotEvery)
    settings["validate-every"] = recording.validateEvery.map { .integer($0) }
    settings["activations"] = .flag(recording.activations)
    settings["on-nonfinite"] = .text(recording.onNonfinite.rawValue)
    settings["until"] = failure?.until.map { .text($0.rawValue) }
    settings["divergence-margin"] = training.failure.divergence.map { .number($0.margin) }
    settings["loss-scale"] = training.lossScaling.map { .number($0.initialScale) }
    settings["loss-scale-window"] = training.lossScaling.map { .integer($0.window) }
  }
}
