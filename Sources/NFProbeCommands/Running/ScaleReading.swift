import Analysis
import Comparison
import Foundation
import RunData
import Training

extension ComparisonInput {
  /// The gains and learned scales that it stands for: of a run one source, of a checkpoint one for each stack of layers.
  /// - Throws: also where a run has no snapshot of the step asked for.
  func scaleSources(_ reading: GuardedReading?) throws -> [ScaleSource] {
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
    let run = try reading.read(reader, tensors: [])
    let origin = ScaleSource.Origin.run(
      run, snapshots: snapshots, schedule: LearningRateSchedule.configured(run.manifest))
    return [ScaleSource(title: path, origin: origin, step: step)]
  }
}

extension LearningRateSchedule {
  /// The learning rate of the update at a step by a run's configuration; nil where that is not one of ours.
  static func configured(_ manifest: RunManifest) -> (@Sendable (Int) -> Double)? {
    guard let schedule = ConfiguredSchedule.make(manifest) else { return nil }
    return { step in schedule.rate(step: step) }
  }
}

/// The learning rates that a run's configuration asks for.
private struct ConfiguredSchedule: Decodable {
  let lr: Double
  let warmup: Int
  let decay: String
  let steps: Int

  /// Nil where the configuration is not one of ours.
  static func make(_ manifest: RunManifest) -> LearningRateSchedule? {
    let data = Data(manifest.configurationJSON.utf8)
    guard let settings = try? JSONDecoder().decode(ConfiguredSchedule.self, from: data),
      let decay = LearningRateSchedule.Decay(rawValue: settings.decay)
    else { return nil }
    return LearningRateSchedule(
      peak: settings.lr, warmupSteps: settings.warmup, decay: decay, totalSteps: settings.steps)
  }
}
