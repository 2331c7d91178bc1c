import RealModule

/// The learning rate over the steps.
public struct LearningRateSchedule: Equatable, Sendable {
  /// What follows the warm-up.
  public enum Decay: String, Sendable, CaseIterable {
    /// Linear to 0 at the last step (fairseq's polynomial decay of power 1).
    case linear
    /// The peak.
    case constant
    /// Half a cosine to 0 at the last step.
    case cosine
    /// The peak times √(warm-up / update).
    case inverseSqrt = "inverse-sqrt"
    /// Neither warm-up nor peak: the rate rises by the slope at every update (the paper's Table 4).
    case ramp
  }

  /// The highest rate.
  public var peak: Double
  /// Updates over which the rate rises linearly to the peak.
  public var warmupSteps: Int
  /// What follows.
  public var decay: Decay
  /// The update at which `linear` and `cosine` reach 0.
  public var totalSteps: Int
  /// What `ramp` rises by at every update; the others do not use it.
  public var slope: Double

  /// Creates a schedule.
  public init(
    peak: Double, warmupSteps: Int, decay: Decay = .linear, totalSteps: Int, slope: Double = 0
  ) {
    self.peak = peak
    self.warmupSteps = warmupSteps
    self.decay = decay
    self.totalSteps = totalSteps
    self.slope = slope
  }

  /// `slope` times the update, without an end.
  public static func ramp(slope: Double) -> LearningRateSchedule {
    LearningRateSchedule(peak: .infinity, warmupSteps: 0, decay: .ramp, totalSteps: .max, slope: slope)
  }

  /// The rate of the update at `step`, counted from 0: with t = step + 1 and W warm-up updates, `peak t/W` for t <= W, then
  /// `linear`: `peak (1 - (t-W)/(T-W))`; `ramp` is `slope t` throughout.
  public func rate(step: Int) -> Double {
    let update = Double(step + 1)
    if decay == .ramp { return slope * update }
    let warmup = Double(warmupSteps)
    if update <= warmup { return peak * update / warmup }
    let span = max(1, Double(totalSteps) - warmup)
    let share = min(1, (update - warmup) / span)
    switch decay {
    case .constant, .ramp: return peak
    case .linear: return peak * (1 - share)
    case .cosine: return peak * 0.5 * (1 + Double.cos(share * .pi))
    case .inverseSqrt: return peak * (max(warmup, 1) / update).squareRoot()
    }
  }
}
