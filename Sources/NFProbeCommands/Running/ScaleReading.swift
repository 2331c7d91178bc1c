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
    var run = try reading.read(reader, tensors: [])
    run.snapshots = snapshots
    return [ScaleSource(run, title: path, step: step)]
  }
}

extension ScaleSource {
  /// The scales of a run that was read with its snapshots; of all of them, or as they were at a step.
  init(_ run: RecordedRun, title: String = "", step: Int? = nil) {
    let schedule = LearningRateSchedule.configured(run.manifest)
    self.init(title: title, origin: .run(run, snapshots: run.snapshots, schedule: schedule), step: step)
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
  let lr: Double?
  let lrSlope: Double?
  let warmup: Int?
  let decay: String
  let steps: Int

  private enum CodingKeys: String, CodingKey {
    case lr, warmup, decay, steps
    case lrSlope = "lr-slope"
  }

  /// Nil where the configuration is not one of ours.
  static func make(_ manifest: RunManifest) -> LearningRateSchedule? {
    let data = Data(manifest.configurationJSON.utf8)
    guard let settings = try? JSONDecoder().decode(ConfiguredSchedule.self, from: data),
      let decay = LearningRateSchedule.Decay(rawValue: settings.decay)
    else { return nil }
    if decay == .ramp { return settings.lrSlope.map(LearningRateSchedule.ramp(slope:)) }
    guard let peak = settings.lr, let warmup = settings.warmup else { return nil }
    return LearningRateSchedule(
      peak: peak, warmupSteps: warmup, decay: decay, totalSteps: settings.steps)
  }
}
