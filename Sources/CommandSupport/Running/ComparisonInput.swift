import Checkpoints
import CommandOptions
import Comparison
import FileAccess
import RunData
import RunFile
import RunReading

/// What stands on the command line of `compare` and `scales`: a checkpoint, a run file, or `RUN@STEP`.
package struct ComparisonInput {
  /// As it was given.
  package let argument: String
  /// The file.
  package let path: String
  /// The snapshot of a run that was asked for.
  package let step: Int?
  /// Whether it is a run file.
  package let isRun: Bool

  package init(_ argument: String) {
    self.argument = argument
    let parts = argument.split(separator: "@", omittingEmptySubsequences: false)
    // A file of that very name wins.
    if RunFileReader.isHDF5(argument) || parts.count < 2 || Self.exists(argument) {
      (path, step) = (argument, nil)
    } else if let last = parts.last, let number = Int(last), number >= 0 {
      (path, step) = (parts.dropLast().joined(separator: "@"), number)
    } else {
      (path, step) = (argument, nil)
    }
    isRun = RunFileReader.isHDF5(path)
  }

  private static func exists(_ path: String) -> Bool {
    do { _ = try RandomAccessFile(path: path) } catch { return error.reason != .missing }
    return true
  }

  /// The side that it stands for; of a run the last snapshot, unless another was asked for.
  package func side(_ reading: GuardedReading?) throws -> ComparisonSide {
    guard isRun, let reading else {
      if step != nil {
        throw CommandError.usage(
          "\(argument): \(path) is no run file, and only a run has steps to choose from")
      }
      return try ComparisonSide(title: argument, checkpoint: Checkpoint(path: path))
    }
    let (reader, snapshots) = try snapshots(reading)
    let chosen = try step.map { try snapshot(at: $0, of: snapshots) } ?? snapshots[snapshots.count - 1]
    return try Self.side(path, reader.manifest, chosen)
  }

  /// The snapshot of a step; there is no other nearby that could be meant.
  package func snapshot(at step: Int, of snapshots: [ScaleSnapshot]) throws -> ScaleSnapshot {
    guard let snapshot = snapshots.first(where: { $0.step == step }) else {
      let steps = snapshots.map { String($0.step) }.joined(separator: ", ")
      throw CommandError.usage("\(argument): the run has no snapshot at \(step); it has \(steps)")
    }
    return snapshot
  }

  /// The first and the last snapshot of a run.
  package func firstAndLast(_ reading: GuardedReading) throws -> [ComparisonSide] {
    let (reader, snapshots) = try snapshots(reading)
    guard snapshots.count > 1 else {
      throw CommandError.failed("\(path) has one snapshot of its scales; there is nothing to compare it with")
    }
    return try [snapshots[0], snapshots[snapshots.count - 1]].map { try Self.side(path, reader.manifest, $0) }
  }

  private static func side(
    _ path: String, _ manifest: RunManifest, _ snapshot: ScaleSnapshot
  ) throws -> ComparisonSide {
    try ComparisonSide(title: "\(path)@\(snapshot.step)", manifest: manifest, snapshot: snapshot)
  }

  /// A run's file with the snapshots of its scales, of which there is at least one.
  package func snapshots(_ reading: GuardedReading) throws -> (RunFileReader, [ScaleSnapshot]) {
    let reader = try reading.open(path)
    let snapshots = try reading.scaleSnapshots(reader)
    guard !snapshots.isEmpty else {
      throw CommandError.failed(
        "\(path) holds no snapshot of gains and scales; a run file has no other weights")
    }
    return (reader, snapshots)
  }
}
