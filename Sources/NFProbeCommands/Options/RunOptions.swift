import ArgumentParser
import RunData

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
  @OptionGroup(title: "Machine") var machine: MachineOptions

  /// The request that these options make.
  ///
  /// - Parameter threadCount: instead of the options' own.
  func request(
    checkpoint: CheckpointStart? = nil, updatesParameters: Bool = true, checkpointInterval: Int? = nil,
    threadCount: Int? = nil
  ) -> RunRequest {
    var recording = recording
    // What failed is read off the outputs that the file holds.
    recording.activations = recording.activations || failure.testsOutputs
    return RunRequest(
      model: model, training: training, stepCount: schedule.steps, schedule: schedule.schedule,
      corpus: corpus,
      recording: recording, threadCount: threadCount ?? machine.threadCount, checkpoint: checkpoint,
      updatesParameters: updatesParameters,
      checkpointInterval: checkpointInterval, precision: precision, failure: failure)
  }
}
