import ArgumentParser
import Experiments

/// Everything that decides what runs compute: what every command that trains takes.
package struct RunOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "YAML file with the same keys as the options, or with `train` a run file, whose run is made again; options win.",
      valueName: "file"))
  package var config: String?

  @OptionGroup(title: "Model") package var model: ModelOptions
  @OptionGroup(title: "Learning rate") package var schedule: ScheduleOptions
  @OptionGroup(title: "Training") package var training: TrainingOptions
  @OptionGroup(title: "Failure") package var failure: FailureOptions
  @OptionGroup(title: "Precision") package var precision: PrecisionOptions
  @OptionGroup(title: "Corpus") package var corpus: CorpusOptions
  @OptionGroup(title: "Recording") package var recording: RecordingOptions
  @OptionGroup(title: "Evaluation") package var evaluation: RunEvaluationOptions
  @OptionGroup(title: "Machine") package var machine: MachineOptions

  package init() {}

  /// The configuration that these options are.
  package var configuration: RunConfiguration {
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
  package func request(
    checkpoint: CheckpointStart? = nil, updatesParameters: Bool = true, checkpointInterval: Int? = nil
  ) -> RunRequest {
    var configuration = configuration
    configuration.updatesParameters = updatesParameters
    return RunRequest(
      configuration, threadCount: machine.threadCount, checkpoint: checkpoint,
      checkpointInterval: checkpointInterval)
  }
}
