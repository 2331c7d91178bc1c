import ArgumentParser
import Experiments
import RunData

extension LearningRateSchedule.Decay: ExpressibleByArgument {}

/// How long a run is, and its learning rate on the way.
struct ScheduleOptions: ParsableArguments {
  @Option(help: "Optimizer updates.")
  var steps = ScheduleSettings().steps

  @Option(help: "Peak learning rate.")
  var lr = ScheduleSettings().lr

  @Option(help: "Updates over which the learning rate rises to the peak.")
  var warmup = ScheduleSettings().warmup

  @Option(
    help:
      "What follows the warm-up: linear or cosine (to 0 at the last step), inverse-sqrt, constant; or ramp, --lr-slope times the update instead of warm-up and peak."
  )
  var decay = ScheduleSettings().decay

  @Option(help: "Rise of the learning rate at every update, for --decay ramp.")
  var lrSlope = ScheduleSettings().lrSlope

  func validate() throws { try asUsage(settings.validate) }

  /// The settings.
  var settings: ScheduleSettings {
    var settings = ScheduleSettings()
    settings.steps = steps
    settings.lr = lr
    settings.warmup = warmup
    settings.decay = decay
    settings.lrSlope = lrSlope
    return settings
  }
}
