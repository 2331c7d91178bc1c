import ArgumentParser
import Experiments

/// Everything that decides what runs compute: what every command that trains takes.
struct RunOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "YAML file with the same keys as the options, or with `train` a run file, whose run is made again; options win.",
      valueName: "file"))
  var config: String?

  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Learning rate") var schedule: ScheduleOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Failure") var failure: FailureOptions
  @OptionGroup(title: "Precision") var precision: PrecisionOptions
  @OptionGroup(title: "Corpus") var corpus: CorpusOptions
  @OptionGroup(title: "Recording") var recording: RecordingOptions
  @OptionGroup(title: "Evaluation") var evaluation: RunEvaluationOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  /// The configuration that these options are.
  var configuration: RunConfiguration {
    var configuration = RunConfiguration()
    configuration.model = model.settings
    configuration.schedule = schedule.settings
    configuration.training = training.settings
    configuration.failure = failure.settings
    configuration.precision = precision.settings
    configuration.corpus = corpus.settings
    configuration.recording = recording.settings
    configuration.evaluation = evaluation.settings
    return configuration
  }

  /// The request that these options make.
  func request(
    checkpoint: CheckpointStart? = nil, updatesParameters: Bool = true, checkpointInterval: Int? = nil
  ) -> RunRequest {
    var configuration = configuration
    configuration.updatesParameters = updatesParameters
    return RunRequest(
      configuration, threadCount: machine.threadCount, checkpoint: checkpoint,
      checkpointInterval: checkpointInterval)
  }
}
