import RunData

/// How long a run is, and its learning rate on the way.
public struct ScheduleSettings: Equatable, Sendable {
  /// Optimizer updates.
  public var steps = 300
  /// Peak learning rate.
  public var lr = 2e-3
  /// Updates over which the learning rate rises to the peak.
  public var warmup = 200
  /// What follows the warm-up.
  public var decay = LearningRateSchedule.Decay.constant
  /// Rise of the learning rate at every update, where `decay` is `ramp`; the usual one is the paper's, Table 4.
  public var lrSlope = 5e-5

  /// Every setting.
  static let keys: [ConfigurationKey<Self>] = [
    .value("steps", \.steps),
    .value("lr", \.lr),
    .value("warmup", \.warmup),
    .value("decay", \.decay),
    .value("lr-slope", \.lrSlope),
  ]

  /// The usual schedule.
  public init() {}

  /// The schedule.
  package var schedule: LearningRateSchedule {
    decay == .ramp
      ? .ramp(slope: lrSlope)
      : LearningRateSchedule(peak: lr, warmupSteps: warmup, decay: decay, totalSteps: steps)
  }

  /// Refuses values that are out of range.
  public func validate() throws(ExperimentError) {
    try Self.check(steps: steps, setting: "steps")
    try Self.check(slope: lrSlope)
    guard warmup >= 0 else { throw .refused("\(setting: "warmup") must be at least 0, not \(warmup)") }
    guard lr >= 0, lr.isFinite else { throw .refused("\(setting: "lr") \(lr) is out of range") }
  }

  package static func check(steps: Int, setting: String) throws(ExperimentError) {
    guard steps >= 1 else { throw .refused("\(setting: setting) must be at least 1, not \(steps)") }
    guard steps <= 1 << 40 else {
      throw .refused("\(setting: setting) \(steps) is more than there is time for")
    }
  }

  package static func check(slope: Double) throws(ExperimentError) {
    guard slope > 0, slope.isFinite else {
      throw .refused("\(setting: "lr-slope") must be above 0, not \(slope)")
    }
  }
}
