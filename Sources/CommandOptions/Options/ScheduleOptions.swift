import ArgumentParser
import Experiments
import RunData

extension LearningRateSchedule.Decay: ExpressibleByArgument {}

/// How long a run is, and its learning rate on the way.
package struct ScheduleOptions: ParsableArguments {
  @Option(help: "Optimizer updates.")
  package var steps = ScheduleSettings().steps

  @Option(help: "Peak learning rate.")
  package var lr = ScheduleSettings().lr

  @Option(help: "Updates over which the learning rate rises to the peak.")
  package var warmup = ScheduleSettings().warmup

  @Option(
    help:
      "What follows the warm-up: linear or cosine (to 0 at the last step), inverse-sqrt, constant; or ramp, --lr-slope times the update instead of warm-up and peak."
  )
  package var decay = ScheduleSettings().decay

  @Option(help: "Rise of the learning rate at every update, for --decay ramp.")
  package var lrSlope = ScheduleSettings().lrSlope

  package init() {}

  package func validate() throws { try asUsage(settings.validate) }

  /// The settings.
  package var settings: ScheduleSettings {
    var settings = ScheduleSettings()
    settings.steps = steps
    settings.lr = lr
    settings.warmup = warmup
    settings.decay = decay
    settings.lrSlope = lrSlope
    return settings
  }
}
