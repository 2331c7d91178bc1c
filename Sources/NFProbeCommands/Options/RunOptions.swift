import ArgumentParser

/// Everything that decides what runs compute: what every command that trains takes.
struct RunOptions: ParsableArguments {
  @Option(help: ArgumentHelp("YAML file with the same keys as the options; options win.", valueName: "file"))
  var config: String?

  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Corpus") var corpus: CorpusOptions
  @OptionGroup(title: "Recording") var recording: RecordingOptions
  @OptionGroup(title: "Checkpoints") var checkpoints: CheckpointOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  /// The request that these options make.
  func request(
    checkpoint: CheckpointStart? = nil, updatesParameters: Bool = true, checkpointInterval: Int? = nil
  ) -> RunRequest {
    RunRequest(
      model: model, training: training, corpus: corpus, recording: recording,
      threadCount: machine.threadCount, checkpoint: checkpoint, updatesParameters: updatesParameters,
      checkpointInterval: checkpoints.checkpointEvery ?? checkpointInterval)
  }

  /// The folder that the command fills: that of the runs that go on, or another, with a note of what was asked for.
  func folder(_ output: OutputOptions, command: String) throws -> OutputFolder {
    if let resumed = checkpoints.resume {
      guard output.out == nil, !output.overwrite else {
        throw CommandError.usage(
          "--resume goes on in its own folder; --out and --overwrite have no place there")
      }
      return try OutputFolder(existing: resumed)
    }
    let folder = try OutputFolder(output, command: command)
    try NFProbe.record(fixed: machine.threads == nil ? ["--threads=\(machine.threadCount)"] : []).write(
      into: folder)
    return folder
  }
}
