import ArgumentParser
import Experiments
import FineTuning

extension MetricChoice: ExpressibleByArgument {}

extension GlueTask: ExpressibleByArgument {
  /// How command lines write the tasks.
  public static var allValueStrings: [String] { allCases.map(\.argument) }
}

/// Learning rates with commas between them.
package struct LearningRates: ExpressibleByArgument, Equatable {
  package let values: [Double]

  package init?(argument: String) {
    let words = argument.split(separator: ",", omittingEmptySubsequences: false)
    let values = words.compactMap { Double($0) }
    guard values.count == words.count, values.allSatisfy({ $0 > 0 && $0.isFinite }),
      Set(values).count == values.count
    else { return nil }
    self.values = values
  }

  package init(_ values: [Double]) { self.values = values }

  package var defaultValueDescription: String { values.map { "\($0)" }.joined(separator: ",") }
}

/// The tasks and where their files are.
package struct TaskDataOptions: ParsableArguments {
  @Option(
    name: .customLong("task"),
    help: ArgumentHelp("A task of GLUE. May be given several times.", valueName: "glue/name"))
  package var tasks: [GlueTask] = []

  @Option(
    help: ArgumentHelp(
      "The folder with the task's train.tsv and dev.tsv as GLUE distributes them, or with such folders (CoLA, SST-2, ...); or with the tokens "
        + "that python -m nf_probe.tasks made of them.", valueName: "dir"))
  package var data: String?

  @Option(
    help: ArgumentHelp(
      "Tokens that a model reads of an example at most; longer ones lose their ends. (default: what it was made for, up to \(FineTuningSettings.usualContext))",
      valueName: "n"))
  package var context: Int?

  package init() {}

  package func validate() throws {
    guard Set(tasks).count == tasks.count else { throw ValidationError("a --task is named twice") }
  }
}

/// The grid, and how each of its runs trains.
package struct FineTuningOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Peak learning rates, with commas between them; the best one by the held-out examples is reported. The paper's: \(LearningRates(FineTuningSettings.paperRates).defaultValueDescription).",
      valueName: "rates"))
  package var learningRates = LearningRates([1e-5])

  @Option(help: "Seeds 0 to n-1: of the head's initial values, the order of examples, and dropout.")
  package var seeds = 1

  @Option(
    help: "Times that all examples are gone through; they are held against the held-out ones after each.")
  package var epochs = FineTuningSettings().epochs

  @Option(help: "Optimizer updates instead of --epochs.")
  package var steps: Int?

  @Option(help: "Examples of a step.")
  package var batch = FineTuningSettings().batch

  @Option(
    help: "The share of the updates over which the learning rate rises to its peak, before it falls to 0.")
  package var warmupShare = FineTuningSettings().warmupShare

  @Option(help: "Decoupled weight decay.")
  package var weightDecay = FineTuningSettings().weightDecay

  @Option(help: "AdamW: decay rate of the first moment.")
  package var beta1 = FineTuningSettings().beta1

  @Option(help: "AdamW: decay rate of the second moment.")
  package var beta2 = FineTuningSettings().beta2

  @Option(help: "AdamW: added to the root of the second moment.")
  package var epsilon = FineTuningSettings().epsilon

  @Option(help: "Clip the gradient to this L2 norm; gradients are recorded before. (default: no clipping)")
  package var clip: Double?

  @Option(help: "Dropout of embeddings and branches, in [0, 1).")
  package var dropout = FineTuningSettings().dropout

  @Option(help: "Dropout of attention probabilities, in [0, 1).")
  package var attentionDropout = FineTuningSettings().attentionDropout

  @Flag(inversion: .prefixedNo, help: "Train; without, say what fine-tuned checkpoints answer as they are.")
  package var train = true

  @Flag(help: "Keep the fine-tuned weights of every run, in a folder beside its run file.")
  package var keepWeights = false

  package init() {}

  package func validate() throws {
    guard (1...1000).contains(seeds) else {
      throw ValidationError("--seeds must be between 1 and 1000, not \(seeds)")
    }
  }
}

/// What is recorded of a fine-tuning run.
package struct FineTuningRecordingOptions: ParsableArguments {
  @Option(help: "Record every n-th step.")
  package var every = RecordingSettings().every

  @Option(help: "Steps between snapshots of the learned scales.")
  package var snapshotEvery = RecordingSettings().snapshotEvery

  @Option(help: "Steps between looks at the held-out examples. (default: an epoch's)")
  package var validateEvery: Int?

  @Option(help: "Measure weights and updates, too, at every n-th step of those recorded; 0 never.")
  package var weightsEvery = RecordingSettings().weightsEvery

  package init() {}

  package var settings: RecordingSettings {
    var settings = RecordingSettings()
    settings.every = every
    settings.snapshotEvery = snapshotEvery
    settings.validateEvery = validateEvery
    settings.weightsEvery = weightsEvery
    return settings
  }
}
