import Architecture
import RunData
import Training

/// What ends a run before its last step.
public enum FailureKind: String, CaseIterable, Sendable {
  /// An operation's output leaves the range of 16 bits.
  case overflow
  /// The loss diverges.
  case divergence
  /// One or the other.
  case either
}

/// When training counts as destabilised.
public struct FailureSettings: Equatable, Sendable {
  /// What ends a run early; numbers that are not finite always do.
  public var until: FailureKind?
  /// How far the mean of the last losses is above the lowest such mean where they have diverged, in nats a token.
  public var divergenceMargin = 0.5

  /// Every setting.
  static let keys: [ConfigurationKey<Self>] = [
    .optional("until", \.until),
    .value("divergence-margin", \.divergenceMargin),
  ]

  /// Nothing does.
  public init() {}

  /// Whether outputs of operations have to be measured.
  package var testsOutputs: Bool { until == .overflow || until == .either }

  /// Refuses values that are out of range.
  public func validate() throws(ExperimentError) {
    guard divergenceMargin > 0, divergenceMargin.isFinite else {
      throw .refused("\(setting: "divergence-margin") must be above 0, not \(divergenceMargin)")
    }
  }

  /// The rules for runs on a corpus.
  package func rules(precision: Precision, _ corpus: CorpusFacts) -> FailureRules {
    guard let until else { return FailureRules() }
    return FailureRules(
      outputLimit: until == .divergence ? nil : precision.outputLimit,
      divergence: until == .overflow
        ? nil : DivergenceRule(margin: divergenceMargin, floor: corpus.unigramEntropy))
  }
}

/// The format that numbers are kept in between operations.
public struct PrecisionSettings: Equatable, Sendable {
  /// What weights, outputs of operations and their gradients are rounded to.
  public var precision = Precision.fp32
  /// First loss scale of fp16.
  public var lossScale = LossScaling().initialScale
  /// Updates without an overflow after which the loss scale doubles.
  public var lossScaleWindow = LossScaling().window

  /// Every setting.
  static let keys: [ConfigurationKey<Self>] = [
    .value("precision", \.precision),
    .value("loss-scale", \.lossScale),
    .value("loss-scale-window", \.lossScaleWindow),
  ]

  /// Nothing is rounded.
  public init() {}

  /// Refuses values that are out of range.
  public func validate() throws(ExperimentError) {
    guard lossScale > LossScaling().leastScale, lossScale <= 0x1p64 else {
      throw .refused("\(setting: "loss-scale") must be above 1e-4 and at most 2^64, not \(lossScale)")
    }
    guard lossScaleWindow >= 1 else {
      throw .refused("\(setting: "loss-scale-window") must be at least 1, not \(lossScaleWindow)")
    }
  }

  /// Loss scaling is for fp16: bf16 has float32's range.
  package var lossScaling: LossScaling? {
    precision == .fp16 ? LossScaling(initialScale: lossScale, window: lossScaleWindow) : nil
  }
}
