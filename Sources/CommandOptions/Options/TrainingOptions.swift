import Analysis
import ArgumentParser
import Experiments
import Corpus
import RunData
import Training

extension Sampling: ExpressibleByArgument {}
extension OptimizerConfiguration.Decayed: ExpressibleByArgument {}
extension OptimizerConfiguration.Method: ExpressibleByArgument {}
extension NonfinitePolicy: ExpressibleByArgument {}

/// Batches and optimizer.
package struct TrainingOptions: ParsableArguments {
  @Option(help: "Positions of a sequence.")
  package var sequence = TrainingSettings().sequence

  @Option(help: "Sequences of a micro-batch.")
  package var batch = TrainingSettings().batch

  @Option(help: "Micro-batches whose gradients add up to a step.")
  package var accumulate = TrainingSettings().accumulate

  @Option(help: "Clip the gradient to this L2 norm; gradients are recorded before. (default: no clipping)")
  package var clip: Double?

  @Option(help: "Seed of initial values, batches and dropout.")
  package var seed = TrainingSettings().seed

  @Option(help: "Where sequences start in the corpus.")
  package var sampling = TrainingSettings().sampling

  @Option(help: "How parameters are updated: adamw or sgd.")
  package var optimizer = TrainingSettings().optimizer

  @Option(help: "SGD: the share of the velocity that is kept. (default: 0)")
  package var momentum: Double?

  @Option(help: "AdamW: decay rate of the first moment.")
  package var beta1 = TrainingSettings().beta1

  @Option(help: "AdamW: decay rate of the second moment.")
  package var beta2 = TrainingSettings().beta2

  @Option(help: "AdamW: added to the root of the second moment.")
  package var epsilon = TrainingSettings().epsilon

  @Option(help: "Decoupled weight decay.")
  package var weightDecay = TrainingSettings().weightDecay

  @Option(
    help: "What weight decay acts on: all (as in the paper), or weights (spares biases, gains and scales).")
  package var decayed = TrainingSettings().decayed

  package init() {}

  package func validate() throws { try asUsage(settings.validate) }

  /// The settings.
  package var settings: TrainingSettings {
    var settings = TrainingSettings()
    settings.sequence = sequence
    settings.batch = batch
    settings.accumulate = accumulate
    settings.clip = clip
    settings.seed = seed
    settings.sampling = sampling
    settings.optimizer = optimizer
    settings.momentum = momentum
    settings.beta1 = beta1
    settings.beta2 = beta2
    settings.epsilon = epsilon
    settings.weightDecay = weightDecay
    settings.decayed = decayed
    return settings
  }
}

/// What the runs read.
package struct CorpusOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Text (UTF-8, read as bytes) or token file (.bin of nanoGPT or llm.c). (default: the built-in language)",
      valueName: "file"))
  package var corpus: String?

  @Option(help: "Held-out text for the validation loss, of the same kind.")
  package var validation: String?

  @Option(help: "Hold out this last part of the corpus for validation, e.g. 0.1.")
  package var holdOut: Double?

  package init() {}

  package func validate() throws { try asUsage(settings.validate) }

  /// The settings.
  package var settings: CorpusSettings {
    var settings = CorpusSettings()
    settings.corpus = corpus
    settings.validation = validation
    settings.holdOut = holdOut
    return settings
  }
}

/// What is recorded and when.
package struct RecordingOptions: ParsableArguments {
  @Option(help: "Record every n-th step.")
  package var every = RecordingSettings().every

  @Option(help: "Record about this many steps in each decade of steps instead.")
  package var perDecade: Int?

  @Option(help: "Steps between snapshots of the learned scales.")
  package var snapshotEvery = RecordingSettings().snapshotEvery

  @Option(help: "Steps between validations. (default: at the end alone)")
  package var validateEvery: Int?

  @Flag(help: "Measure every operation's output and the gradient that reaches it, too.")
  package var activations = RecordingSettings().activations

  @Option(help: "Measure weights and updates, too, at every n-th step of those recorded; 0 never.")
  package var weightsEvery = RecordingSettings().weightsEvery

  @Option(
    help:
      "Look at a step's batch in this many equal parts, too, for its noise and signal; a step takes as long again."
  )
  package var noise: Int?

  @Option(help: "With --noise: at every n-th step.")
  package var noiseEvery = RecordingSettings().noiseEvery

  @Option(
    help: ArgumentHelp(
      "Say on standard error when a rule begins to hold; several with commas between them, e.g. 'update/weight of any layer > "
        + "0.1 for 20 steps'.", valueName: "rules"))
  package var alerts: String?

  @Option(
    help: ArgumentHelp(
      "Run this in a shell at each alert, which it finds in NF_PROBE_ALERT.", valueName: "command"))
  package var alertCommand: String?

  @Option(help: "What to do when a loss or gradient is not finite.")
  package var onNonfinite = RecordingSettings().onNonfinite

  package init() {}

  package func validate() throws { try asUsage(settings.validate) }

  /// The settings.
  package var settings: RecordingSettings {
    var settings = RecordingSettings()
    settings.every = every
    settings.perDecade = perDecade
    settings.snapshotEvery = snapshotEvery
    settings.validateEvery = validateEvery
    settings.activations = activations
    settings.weightsEvery = weightsEvery
    settings.noise = noise
    settings.noiseEvery = noiseEvery
    settings.alerts = alerts
    settings.alertCommand = alertCommand
    settings.onNonfinite = onNonfinite
    return settings
  }
}
