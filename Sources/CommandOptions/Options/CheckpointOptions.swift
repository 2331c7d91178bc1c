import ArgumentParser
import Checkpoints
import Experiments

/// What a run keeps so that it can go on later, and the run that is to go on.
package struct CheckpointOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Start from these weights: fairseq's or our own, or a folder of Transformers' with its config.json; what the model is, files and tensors say.",
      valueName: "checkpoint"))
  package var fromCheckpoint: String?

  @Option(
    help: ArgumentHelp(
      "Names of the tensors of a checkpoint that no table knows: a YAML file of stored names and parameters; beside --architecture and --heads.",
      valueName: "file"))
  package var names: String?

  @Option(
    help:
      "Updates between two checkpoints; an interrupted run always leaves one. (default: 500 for train, else none)"
  )
  package var checkpointEvery: Int?

  @Option(help: "Checkpoints of a run that stay, the newest ones; 0 makes none.")
  package var keep = 2

  @Option(
    help: ArgumentHelp(
      "Go on with the interrupted run or runs in this folder, bit for bit; other options are as they were.",
      valueName: "dir"))
  package var resume: String?

  package init() {}

  package func validate() throws {
    guard checkpointEvery ?? 1 >= 1 else {
      throw ValidationError("--checkpoint-every must be at least 1, not \(checkpointEvery ?? 1)")
    }
    guard names == nil || fromCheckpoint != nil else {
      throw ValidationError("--names says how the tensors of --from-checkpoint are called: name that too")
    }
    guard keep >= 0 else { throw ValidationError("--keep must be at least 0, not \(keep)") }
  }

  /// Whether earlier runs go on.
  package var isResuming: Bool { resume != nil }

  /// The weights to start from, where some are named.
  /// - Parameter architecture: what the user says of their wiring, beside what the files say.
  package func start(
    _ model: ModelSettings, architecture: ArchitectureChoice? = nil, _ console: Console
  ) throws -> CheckpointStart? {
    let stated = try architecture.flatMap { $0.isPapers ? nil : try $0.description() }
    let own = try names.map { try NamesFile(path: $0).read() }
    let start = try fromCheckpoint.map {
      try CheckpointStart(path: $0, model: model, architecture: stated, names: own)
    }
    for note in start?.checkpoint.notes ?? [] { console.progress("checkpoint: \(note)") }
    return start
  }
}
