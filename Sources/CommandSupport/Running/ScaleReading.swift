import Analysis
import CommandOptions
import Comparison
import RunData
import RunReading

extension ComparisonInput {
  /// The gains and learned scales that it stands for: of a run one source, of a checkpoint one for each stack of layers.
  /// - Throws: also where a run has no snapshot of the step asked for.
  package func scaleSources(_ reading: GuardedReading?) throws -> [ScaleSource] {
    guard isRun, let reading else {
      let side = try side(nil)
      let sources = try side.scaleSources()
      guard !sources.isEmpty else {
        throw CommandError.failed(
          "\(argument) has no gains or learned scales in its layers; `nf-probe info` and `compare` show what it has"
        )
      }
      return sources
    }
    let (reader, snapshots) = try snapshots(reading)
    if let step { _ = try snapshot(at: step, of: snapshots) }
    var run = try reading.read(reader, tensors: [])
    run.snapshots = snapshots
    return [ScaleSource(run, title: path, step: step)]
  }
}
