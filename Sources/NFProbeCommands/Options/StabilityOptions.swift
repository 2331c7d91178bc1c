import Architecture
import ArgumentParser
import RunData
import Training

extension Precision: ExpressibleByArgument {}

/// What ends a run before its last step.
enum FailureKind: String, CaseIterable, Sendable, ExpressibleByArgument {
  case overflow, divergence, either
}

/// When training counts as destabilised.
struct FailureOptions: ParsableArguments {
  @Option(
    help:
      "What ends a run early: overflow (an operation's output leaves the range of 16 bits), divergence (of the loss) or either. Numbers that are not finite always do. (default: either for stability, else neither)"
  )
  var until: FailureKind?

  /// Whether outputs of operations have to be measured.
  var testsOutputs: Bool { until == .overflow || until == .either }

  @Option(
    help:
      "A loss has diverged when its mean over the last 20 steps is more than this above the lowest such mean, in nats a token, and above the unigram entropy."
  )
  var divergenceMargin = 0.5

  func validate() throws {
    guard divergenceMargin > 0, divergenceMargin.isFinite else {
      throw ValidationError("--divergence-margin must be above 0, not \(divergenceMargin)")
    }
  }

  /// The rules for runs on a corpus.
  func rules(precision: Precision, _ corpus: CorpusFacts) -> FailureRules {
    guard let until else { return FailureRules() }
    return FailureRules(
      outputLimit: until == .divergence ? nil : precision.outputLimit,
      divergence: until == .overflow
        ? nil : DivergenceRule(margin: divergenceMargin, floor: corpus.unigramEntropy))
  }
}

/// The format that numbers are kept in between operations.
struct PrecisionOptions: ParsableArguments {
  @Option(
    help:
      "What weights, outputs of operations and their gradients are rounded to: fp32 (nothing), bf16 or fp16. The optimizer keeps float32 weights."
  )
  var precision: Precision = .fp32

  @Option(
    help:
      "First loss scale of fp16: halved when a gradient overflows, which skips the update; below 1e-4 the run ends."
  )
  var lossScale = LossScaling().initialScale

  @Option(help: "Updates without an overflow after which the loss scale doubles.")
  var lossScaleWindow = LossScaling().window

  func validate() throws {
    guard lossScale > LossScaling().leastScale, lossScale <= 0x1p64 else {
      throw ValidationError("--loss-scale must be above 1e-4 and at most 2^64, not \(lossScale)")
    }
    guard lossScaleWindow >= 1 else {
      throw ValidationError("--loss-scale-window must be at least 1, not \(lossScaleWindow)")
    }
  }

  /// Loss scaling is for fp16: bf16 has float32's range.
  var lossScaling: LossScaling? {
    precision == .fp16 ? LossScaling(initialScale: lossScale, window: lossScaleWindow) : nil
  }
}
