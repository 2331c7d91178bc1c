import Foundation
import RunData

extension LearningRateSchedule {
  /// The learning rate of the update at a step by a run's configuration; nil where that is not one of ours.
  public static func configured(_ manifest: RunManifest) -> (@Sendable (Int) -> Double)? {
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
