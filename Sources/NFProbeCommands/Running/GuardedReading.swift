import ArgumentParser
import Isolation
import RunData
import RunFile

/// Reading of run files that others may have damaged: in a child process, each library call under a watchdog.
struct GuardedReading {
  private let guardian: ReadGuard

  /// Seconds that one library call may take: far more than any healthy file on a slow disk needs.
  private static let patience = 60.0

  /// Runs `body` in a child process and passes on how that ended; in the child, runs it.
  ///
  /// - Throws: what `body` throws, and in the parent a message where a file took the child down.
  static func run(_ paths: [String], _ body: (GuardedReading) throws -> Void) throws {
    if Supervisor.isChild { return try body(GuardedReading(guardian: ReadGuard(seconds: patience))) }
    let outcome = try Supervisor.run()
    let name = paths.count == 1 ? paths[0] : "one of \(paths.joined(separator: ", "))"
    if let message = outcome.message(reading: name) { throw CommandError.failed(message) }
    if outcome.exitStatus != 0 { throw ExitCode(outcome.exitStatus) }
  }

  /// Opens a run file.
  func open(_ path: String) throws -> RunFileReader { try guardian.run { try RunFileReader(path: path) } }

  /// Reads a run with some of its gradients.
  func read(_ reader: RunFileReader, tensors: [String]) throws -> RecordedRun {
    try guardian.run { try reader.read(tensors: tensors) }
  }

  /// Compares everything in a run file with its checksums.
  func verify(_ reader: RunFileReader) -> RunFileVerification { guardian.run { reader.verify() } }

  /// Makes a killed run's file whole.
  func repair(_ path: String) throws -> RunFileRepair.Report {
    try guardian.run { try RunFileRepair.repair(path: path) }
  }

  /// Reads the attempts that made a run.
  func attempts(_ reader: RunFileReader) throws -> [RunAttempt] { try guardian.run { try reader.attempts() } }

  /// Reads the snapshots of a run's scales.
  func scaleSnapshots(_ reader: RunFileReader) throws -> [ScaleSnapshot] {
    try guardian.run { try reader.scaleSnapshots() }
  }

  /// Looks at what was added to a growing file.
  func refresh(_ reader: RunFileReader) throws { _ = try guardian.run { try reader.refresh() } }

  /// Consecutive blocks of steps, for as long as there are any.
  func forEachBlock(
    _ reader: RunFileReader, of names: [String], window: Range<Int>?, _ body: (StepBlock) throws -> Void
  ) throws {
    let steps = reader.steps.filter { window?.contains($0) ?? true }
    for start in stride(from: 0, to: steps.count, by: 256) {
      let part = steps[start]..<steps[min(start + 256, steps.count) - 1] + 1
      var blocks: [StepBlock] = []
      try guardian.run { try reader.forEachBlock(of: names, window: part) { blocks.append($0) } }
      for block in blocks { try body(block) }
    }
  }
}
