import Analysis
import ArgumentParser
import Corpus
import RunData
import Training

extension Sampling: ExpressibleByArgument {}
extension OptimizerConfiguration.Decayed: ExpressibleByArgument {}
extension OptimizerConfiguration.Method: ExpressibleByArgument {}
extension NonfinitePolicy: ExpressibleByArgument {}

/// Batches and optimizer.
struct TrainingOptions: ParsableArguments {
  @Option(help: "Positions of a sequence.")
  var sequence = 64

  @Option(help: "Sequences of a micro-batch.")
  var batch = 8

  @Option(help: "Micro-batches whose gradients add up to a step.")
  var accumulate = 1

  @Option(help: "Clip the gradient to this L2 norm; gradients are recorded before. (default: no clipping)")
  var clip: Double?

  @Option(help: "Seed of initial values, batches and dropout.")
  var seed: UInt64 = 0

  @Option(help: "Where sequences start in the corpus.")
  var sampling: Sampling = .random

  @Option(help: "How parameters are updated: adamw or sgd.")
  var optimizer: OptimizerConfiguration.Method = .adamW

  @Option(help: "SGD: the share of the velocity that is kept. (default: 0)")
  var momentum: Double?

  @Option(help: "AdamW: decay rate of the first moment.")
  var beta1 = 0.9

  @Option(help: "AdamW: decay rate of the second moment.")
  var beta2 = 0.98

  @Option(help: "AdamW: added to the root of the second moment.")
  var epsilon = 1e-8

  @Option(help: "Decoupled weight decay.")
  var weightDecay = 0.01

  @Option(
    help: "What weight decay acts on: all (as in the paper), or weights (spares biases, gains and scales).")
  var decayed: OptimizerConfiguration.Decayed = .all

  func validate() throws {
    for (name, value) in [
      ("--sequence", sequence), ("--batch", batch), ("--accumulate", accumulate),
    ] where value < 1 {
      throw ValidationError("\(name) must be at least 1, not \(value)")
    }
    for (name, value) in [("--sequence", sequence), ("--batch", batch), ("--accumulate", accumulate)]
    where value > 1 << 24 {
      throw ValidationError("\(name) \(value) is more than \(1 << 24), the most there is")
    }
    for (name, value, isInside) in [
      ("--beta1", beta1, beta1 >= 0 && beta1 < 1),
      ("--beta2", beta2, beta2 >= 0 && beta2 < 1), ("--epsilon", epsilon, epsilon >= 0 && epsilon.isFinite),
      ("--weight-decay", weightDecay, weightDecay >= 0 && weightDecay.isFinite),
      ("--clip", clip ?? 1, (clip ?? 1) > 0),
      ("--momentum", momentum ?? 0, (momentum ?? 0) >= 0 && (momentum ?? 0) < 1),
    ] where !isInside {
      throw ValidationError("\(name) \(value) is out of range")
    }
    guard momentum == nil || optimizer == .sgd else {
      throw ValidationError("--momentum is SGD's; AdamW has --beta1")
    }
  }
}

/// What the runs read.
struct CorpusOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Text (UTF-8, read as bytes) or token file (.bin of nanoGPT or llm.c). (default: the built-in language)",
      valueName: "file"))
  var corpus: String?

  @Option(help: "Held-out text for the validation loss, of the same kind.")
  var validation: String?

  @Option(help: "Hold out this last part of the corpus for validation, e.g. 0.1.")
  var holdOut: Double?

  /// What runs on the built-in language have for a corpus's name.
  static let builtInName = "built-in language"

  func validate() throws {
    guard validation == nil || holdOut == nil else {
      throw ValidationError("--validation and --hold-out exclude each other")
    }
    if let holdOut, !(holdOut > 0 && holdOut < 1) {
      throw ValidationError("--hold-out must be between 0 and 1, not \(holdOut)")
    }
  }
}

/// What is recorded and when.
struct RecordingOptions: ParsableArguments {
  @Option(help: "Record every n-th step.")
  var every = 1

  @Option(help: "Record about this many steps in each decade of steps instead.")
  var perDecade: Int?

  @Option(help: "Steps between snapshots of the learned scales.")
  var snapshotEvery = 50

  @Option(help: "Steps between validations. (default: at the end alone)")
  var validateEvery: Int?

  @Flag(help: "Measure every operation's output and the gradient that reaches it, too.")
  var activations = false

  @Option(help: "Measure weights and updates, too, at every n-th step of those recorded; 0 never.")
  var weightsEvery = RecordingConfiguration.usualWeightInterval

  @Option(
    help:
      "Look at a step's batch in this many equal parts, too, for its noise and signal; a step takes as long again."
  )
  var noise: Int?

  @Option(help: "With --noise: at every n-th step.")
  var noiseEvery = NoiseSchedule.usualInterval

  @Option(
    help: ArgumentHelp(
      "Say on standard error when a rule begins to hold; several with commas between them, e.g. 'update/weight of any layer > "
        + "0.1 for 20 steps'.", valueName: "rules"))
  var alerts: String?

  @Option(
    help: ArgumentHelp(
      "Run this in a shell at each alert, which it finds in NF_PROBE_ALERT.", valueName: "command"))
  var alertCommand: String?

  @Option(help: "What to do when a loss or gradient is not finite.")
  var onNonfinite: NonfinitePolicy = .stop

  func validate() throws {
    for (name, value) in [
      ("--every", every), ("--per-decade", perDecade ?? 1), ("--snapshot-every", snapshotEvery),
      ("--validate-every", validateEvery ?? 1),
    ] where value < 1 {
      throw ValidationError("\(name) must be at least 1, not \(value)")
    }
    guard try ![AlertRule].parsed(alerts).isEmpty || alertCommand == nil else {
      throw ValidationError("--alert-command: there are no --alerts to call it at")
    }
    guard noise ?? 2 >= 2 else {
      throw ValidationError("--noise must be at least 2 parts, not \(noise ?? 2)")
    }
    guard noiseEvery >= 1 else {
      throw ValidationError("--noise-every must be at least 1, not \(noiseEvery)")
    }
    guard weightsEvery >= 0 else {
      throw ValidationError("--weights-every must be at least 0, not \(weightsEvery)")
    }
  }

  var configuration: RecordingConfiguration {
    RecordingConfiguration(
      schedule: perDecade.map { .logarithmic(perDecade: $0) } ?? .every(every),
      snapshotInterval: snapshotEvery, validationInterval: validateEvery, activations: activations,
      weightInterval: weightsEvery, noise: noise.map { NoiseSchedule(parts: $0, interval: noiseEvery) })
  }
}
