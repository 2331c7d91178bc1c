import RealModule
import RunData

/// Which steps are recorded.
public enum RecordingSchedule: Equatable, Sendable {
  /// Every n-th step, from step 0 on.
  case every(Int)
  /// Step 0 and the steps nearest to 10^(k / perDecade), k = 0, 1, 2, ...
  case logarithmic(perDecade: Int)

  /// Whether a step is recorded.
  public func includes(step: Int) -> Bool {
    switch self {
    case .every(let interval): return step % interval == 0
    case .logarithmic(let perDecade):
      guard step > 0 else { return true }
      let point = (Double.log10(Double(step)) * Double(perDecade)).rounded()
      return (-1...1).contains {
        Double.pow(10, (point + Double($0)) / Double(perDecade)).rounded() == Double(step)
      }
    }
  }
}

/// What a run leaves behind.
public struct RecordingConfiguration: Equatable, Sendable {
  /// Which steps are recorded.
  public var schedule: RecordingSchedule
  /// Steps between two snapshots of the learned scales; the initial and the last values are always kept.
  public var snapshotInterval: Int
  /// Steps between two validations; nil validates at the end alone.
  public var validationInterval: Int?
  /// Steps between two evaluations on texts and tasks; nil evaluates at the end alone.
  public var evaluationInterval: Int?
  /// Whether operations' outputs and their gradients are measured.
  public var activations: Bool
  /// Steps between two at which weights and updates are measured, of those that are recorded; 0 measures none.
  public var weightInterval: Int
  /// When batches are looked at by parts, from which noise and signal are told; nil never.
  public var noise: NoiseSchedule?
  /// Updates between two checkpoints; nil keeps none on the way.
  public var checkpointInterval: Int?

  /// At every step, measuring weights and updates would cost more than a hundredth of it.
  public static let usualWeightInterval = 10

  /// Whether weights and updates are measured at a step.
  func measuresWeights(step: Int) -> Bool {
    weightInterval > 0 && step % weightInterval == 0 && schedule.includes(step: step)
  }

  /// Creates a configuration.
  public init(
    schedule: RecordingSchedule = .every(1), snapshotInterval: Int = 50, validationInterval: Int? = nil,
    evaluationInterval: Int? = nil, activations: Bool = false,
    weightInterval: Int = RecordingConfiguration.usualWeightInterval,
    noise: NoiseSchedule? = nil, checkpointInterval: Int? = nil
  ) {
    self.schedule = schedule
    self.snapshotInterval = snapshotInterval
    self.validationInterval = validationInterval
    self.evaluationInterval = evaluationInterval
    self.activations = activations
    self.weightInterval = weightInterval
    self.noise = noise
    self.checkpointInterval = checkpointInterval
  }
}
