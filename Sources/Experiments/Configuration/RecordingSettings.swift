import Analysis
import Training

/// What is recorded and when.
public struct RecordingSettings: Equatable, Sendable {
  /// Every n-th step is recorded.
  public var every = 1
  /// About this many steps in each decade of steps instead.
  public var perDecade: Int?
  /// Steps between snapshots of the learned scales.
  public var snapshotEvery = 50
  /// Steps between validations; nil for one at the end.
  public var validateEvery: Int?
  /// Whether every operation's output and the gradient that reaches it are measured, too.
  public var activations = false
  /// Weights and updates are measured at every n-th step of those recorded; 0 for never.
  public var weightsEvery = RecordingConfiguration.usualWeightInterval
  /// Equal parts that a step's batch is looked at in, for its noise and signal.
  public var noise: Int?
  /// At every n-th step.
  public var noiseEvery = NoiseSchedule.usualInterval
  /// Rules of which one that begins to hold is told, with commas between them.
  public var alerts: String?
  /// What the shell is given at each alert.
  public var alertCommand: String?
  /// What is done when a loss or gradient is not finite.
  public var onNonfinite = NonfinitePolicy.stop

  /// Every setting.
  static let keys: [ConfigurationKey<Self>] = [
    .value("every", \.every),
    .optional("per-decade", \.perDecade),
    .value("snapshot-every", \.snapshotEvery),
    .optional("validate-every", \.validateEvery),
    .flag("activations", \.activations),
    .value("weights-every", \.weightsEvery),
    .optional("noise", \.noise),
    .value("noise-every", \.noiseEvery),
    .optional("alerts", \.alerts, called: "rules"),
    .optional("alert-command", \.alertCommand, called: "command"),
    .value("on-nonfinite", \.onNonfinite),
  ]

  /// The usual recording.
  public init() {}

  /// Refuses values that are out of range, or contradict each other.
  public func validate() throws(ExperimentError) {
    for (name, value) in [
      ("every", every), ("per-decade", perDecade ?? 1), ("snapshot-every", snapshotEvery),
      ("validate-every", validateEvery ?? 1),
    ] where value < 1 {
      throw .refused("\(setting: name) must be at least 1, not \(value)")
    }
    guard try !alertRules().isEmpty || alertCommand == nil else {
      throw .refused("\(setting: "alert-command"): there are no \(setting: "alerts") to call it at")
    }
    guard noise ?? 2 >= 2 else {
      throw .refused("\(setting: "noise") must be at least 2 parts, not \(noise ?? 2)")
    }
    guard noiseEvery >= 1 else {
      throw .refused("\(setting: "noise-every") must be at least 1, not \(noiseEvery)")
    }
    guard weightsEvery >= 0 else {
      throw .refused("\(setting: "weights-every") must be at least 0, not \(weightsEvery)")
    }
  }

  /// The rules of ``alerts``; none where there are none.
  package func alertRules() throws(ExperimentError) -> [AlertRule] {
    guard let alerts else { return [] }
    do { return try AlertRule.rules(alerts) } catch {
      throw .refused("\(setting: "alerts"): \(error)")
    }
  }

  /// What the training loop takes.
  package var configuration: RecordingConfiguration {
    RecordingConfiguration(
      schedule: perDecade.map { .logarithmic(perDecade: $0) } ?? .every(every),
      snapshotInterval: snapshotEvery, validationInterval: validateEvery, activations: activations,
      weightInterval: weightsEvery, noise: noise.map { NoiseSchedule(parts: $0, interval: noiseEvery) })
  }
}
