import RunData
import Training

/// Everything that decides what a run computes and records, before its corpus is opened: what command lines and files state, as a
/// value. The values of a new one are the usual ones.
public struct RunConfiguration: Equatable, Sendable {
  /// The architecture; nil leaves it to whoever plans the run.
  public var architecture: ArchitectureChoice?
  /// The block itself, in the language of architectures, under the architecture's name.
  public var architectureText: String?
  /// Whether parameters are updated; without, every step measures the same weights.
  public var updatesParameters = true
  /// Sizes, additions and initial values.
  public var model = ModelSettings()
  /// Steps and learning rate.
  public var schedule = ScheduleSettings()
  /// Batches and optimizer.
  public var training = TrainingSettings()
  /// What ends a run early.
  public var failure = FailureSettings()
  /// What numbers are rounded to.
  public var precision = PrecisionSettings()
  /// What is read.
  public var corpus = CorpusSettings()
  /// What is recorded.
  public var recording = RecordingSettings()
  /// What the model is evaluated on meanwhile.
  public var evaluation = EvaluationSettings()
  /// Weights to start from, by their path; nil starts from random ones.
  public var fromCheckpoint: String?
  /// Names of tensors of such weights that no table knows, by the path of their file.
  public var names: String?

  /// The usual configuration.
  public init() {}

  /// The usual configuration with some settings; of one that is given twice the last counts.
  /// - Throws: ``ExperimentError`` for a setting that there is not, or a value that is out of range.
  public init(_ settings: [Setting]) throws(ExperimentError) {
    try self.init(given: settings)
  }

  /// Refuses values that are out of range, or contradict each other.
  public func validate() throws(ExperimentError) {
    try schedule.validate()
    try training.validate()
    try failure.validate()
    try precision.validate()
    try corpus.validate()
    try recording.validate()
    try evaluation.validate()
    guard names == nil || fromCheckpoint != nil else {
      throw .refused(
        "\(setting: "names") says how the tensors of \(setting: "from-checkpoint") are called: name that too")
    }
    guard architectureText == nil || architecture != nil else {
      throw .refused(
        "\(setting: "architecture-text") needs a name for it: \(setting: "architecture")")
    }
  }

  /// Every setting, in the order in which help lists them.
  public static let keys: [ConfigurationKey<Self>] =
    [
      .optional("architecture", \.architecture),
      .optional("architecture-text", \.architectureText, called: "yaml"),
      .toggle("update", \.updatesParameters),
    ] + ModelSettings.keys.map { $0.within(\.model) } + ScheduleSettings.keys.map { $0.within(\.schedule) }
    + TrainingSettings.keys.map { $0.within(\.training) } + FailureSettings.keys.map { $0.within(\.failure) }
    + PrecisionSettings.keys.map { $0.within(\.precision) } + CorpusSettings.keys.map { $0.within(\.corpus) }
    + RecordingSettings.keys.map { $0.within(\.recording) }
    + EvaluationSettings.keys.map { $0.within(\.evaluation) } + [
      .optional("from-checkpoint", \.fromCheckpoint, called: "checkpoint"),
      .optional("names", \.names, called: "file"),
    ]
}

extension RunConfiguration: Configurable {}
