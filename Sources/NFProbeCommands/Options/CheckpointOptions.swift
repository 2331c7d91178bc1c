import ArgumentParser

/// What a run keeps so that it can go on later, and the run that is to go on.
struct CheckpointOptions: ParsableArguments {
  @Option(
    help:
      "Updates between two checkpoints; an interrupted run always leaves one. (default: 500 for train, else none)"
  )
  var checkpointEvery: Int?

  @Option(help: "Checkpoints of a run that stay, the newest ones; 0 makes none.")
  var keep = 2

  @Option(
    help: ArgumentHelp(
      "Go on with the interrupted run or runs in this folder, bit for bit; other options are as they were.",
      valueName: "dir"))
  var resume: String?

  func validate() throws {
    guard checkpointEvery ?? 1 >= 1 else {
      throw ValidationError("--checkpoint-every must be at least 1, not \(checkpointEvery ?? 1)")
    }
    guard keep >= 0 else { throw ValidationError("--keep must be at least 0, not \(keep)") }
  }
}
