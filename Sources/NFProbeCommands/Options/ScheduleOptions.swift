import ArgumentParser
import RunData
import Training

extension LearningRateSchedule.Decay: ExpressibleByArgument {}

/// How long a run is, and its learning rate on the way.
struct ScheduleOptions: ParsableArguments {
  @Option(help: "Optimizer updates.")
  var steps = 300

  @Option(help: "Peak learning rate.")
  var lr = 2e-3

  @Option(help: "Updates over which the learning rate rises to the peak.")
  var warmup = 200

  @Option(
    help:
      "What follows the warm-up: linear or cosine (to 0 at the last step), inverse-sqrt, constant; or ramp, --lr-slope times the update instead of warm-up and peak."
  )
  var decay: LearningRateSchedule.Decay = .constant

  @Option(help: "Rise of the learning rate at every update, for --decay ramp.")
  var lrSlope = Self.defaultSlope

  /// The paper's, Table 4.
  static let defaultSlope = 5e-5

  func validate() throws {
    try Self.check(steps: steps, option: "--steps")
    try Self.check(slope: lrSlope)
    guard warmup >= 0 else { throw ValidationError("--warmup must be at least 0, not \(warmup)") }
    guard lr >= 0, lr.isFinite else { throw ValidationError("--lr \(lr) is out of range") }
  }

  /// The schedule of these options.
  var schedule: LearningRateSchedule {
    decay == .ramp
      ? .ramp(slope: lrSlope)
      : LearningRateSchedule(peak: lr, warmupSteps: warmup, decay: decay, totalSteps: steps)
  }

  static func check(steps: Int, option: String) throws {
    guard steps >= 1 else { throw ValidationError("\(option) must be at least 1, not \(steps)") }
    guard steps <= 1 << 40 else {
      throw ValidationError("\(option) \(steps) is more than there is time for")
    }
  }

  static func check(slope: Double) throws {
    guard slope > 0, slope.isFinite else {
      throw ValidationError("--lr-slope must be above 0, not \(slope)")
    }
  }
}
