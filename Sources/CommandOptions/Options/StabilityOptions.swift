import Architecture
import ArgumentParser
import Experiments

extension Precision: ExpressibleByArgument {}

extension FailureKind: ExpressibleByArgument {}

/// When training counts as destabilised.
package struct FailureOptions: ParsableArguments {
  @Option(
    help:
      "What ends a run early: overflow (an operation's output leaves the range of 16 bits), divergence (of the loss) or either. Numbers that are not finite always do. (default: either for stability, else neither)"
  )
  package var until: FailureKind?

  @Option(
    help:
      "A loss has diverged when its mean over the last 20 steps is more than this above the lowest such mean, in nats a token, and above the unigram entropy."
  )
  package var divergenceMargin = FailureSettings().divergenceMargin

  package init() {}

  package func validate() throws { try asUsage(settings.validate) }

  /// The settings.
  package var settings: FailureSettings {
    var settings = FailureSettings()
    settings.until = until
    settings.divergenceMargin = divergenceMargin
    return settings
  }
}

/// The format that numbers are kept in between operations.
package struct PrecisionOptions: ParsableArguments {
  @Option(
    help:
      "What weights, outputs of operations and their gradients are rounded to: fp32 (nothing), bf16 or fp16. The optimizer keeps float32 weights."
  )
  package var precision = PrecisionSettings().precision

  @Option(
    help:
      "First loss scale of fp16: halved when a gradient overflows, which skips the update; below 1e-4 the run ends."
  )
  package var lossScale = PrecisionSettings().lossScale

  @Option(help: "Updates without an overflow after which the loss scale doubles.")
  package var lossScaleWindow = PrecisionSettings().lossScaleWindow

  package init() {}

  package func validate() throws { try asUsage(settings.validate) }

  /// The settings.
  package var settings: PrecisionSettings {
    var settings = PrecisionSettings()
    settings.precision = precision
    settings.lossScale = lossScale
    settings.lossScaleWindow = lossScaleWindow
    return settings
  }
}
