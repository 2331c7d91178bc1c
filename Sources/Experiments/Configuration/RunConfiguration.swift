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
  /// Weights to start from, by their path; nil starts from random ones.
  public var fromCheckpoint: String?
  /// Names of tensors of such weights that no table knows, by the path of their file.
  public var names: String?

  /// The usual configuration.
  public init() {}

  /// The usual configuration with some settings; of one that is given twice the last counts.
  /// - Throws: ``ExperimentError`` for a setting that there is not, or a value that is out of range.
  public init(_ settings: [Setting]) throws(ExperimentError) {
    for setting in settings {
      guard let key = Self.keys.first(where: { $0.name == setting.name }) else {
        throw .refused("Unknown option '\(setting: setting.name)'")
      }
      try key.set(setting.value, in: &self)
    }
    try validate()
  }

  /// Refuses values that are out of range, or contradict each other.
  public func validate() throws(ExperimentError) {
    try schedule.validate()
    try training.validate()
    try failure.validate()
    try precision.validate()
    try corpus.validate()
    try recording.validate()
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
  public static let keys: [ConfigurationKey] =
    [
      .optional("architecture", \.architecture),
      .optional("architecture-text", \.architectureText, called: "yaml"),
      .toggle("update", \.updatesParameters),
    ] + modelKeys + trainingKeys + recordingKeys + [
      .optional("from-checkpoint", \.fromCheckpoint, called: "checkpoint"),
      .optional("names", \.names, called: "file"),
    ]

  private static let modelKeys: [ConfigurationKey] = [
    .optional("size", \.model.size),
    .optional("parts", \.model.parts, called: "architecture"),
    .optional("layers", \.model.layers),
    .optional("dim", \.model.dim),
    .optional("heads", \.model.heads),
    .optional("kv-heads", \.model.kvHeads),
    .optional("head-dim", \.model.headDim),
    .optional("ffn-dim", \.model.ffnDim),
    .optional("positions", \.model.positions),
    .optional("vocab-size", \.model.vocabSize),
    .toggle("scale-attn", \.model.scaleAttn),
    .toggle("scale-fc", \.model.scaleFc),
    .toggle("scale-heads", \.model.scaleHeads),
    .optional("head-scale-placement", \.model.headScalePlacement),
    .toggle("scale-resids", \.model.scaleResids),
    .optional("res-scale-placement", \.model.resScalePlacement),
    .toggle("qkv-norm", \.model.qkvNorm),
    .optional("activation", \.model.activation),
    .optional("norm", \.model.norm),
    .value("objective", \.model.objective),
    .optional("init", \.model.initialization),
    .value("dropout", \.model.dropout),
    .value("attention-dropout", \.model.attentionDropout),
  ]

  private static let trainingKeys: [ConfigurationKey] = [
    .value("steps", \.schedule.steps),
    .value("lr", \.schedule.lr),
    .value("warmup", \.schedule.warmup),
    .value("decay", \.schedule.decay),
    .value("lr-slope", \.schedule.lrSlope),
    .value("sequence", \.training.sequence),
    .value("batch", \.training.batch),
    .value("accumulate", \.training.accumulate),
    .optional("clip", \.training.clip),
    .value("seed", \.training.seed),
    .value("sampling", \.training.sampling),
    .value("optimizer", \.training.optimizer),
    .optional("momentum", \.training.momentum),
    .value("beta1", \.training.beta1),
    .value("beta2", \.training.beta2),
    .value("epsilon", \.training.epsilon),
    .value("weight-decay", \.training.weightDecay),
    .value("decayed", \.training.decayed),
    .optional("until", \.failure.until),
    .value("divergence-margin", \.failure.divergenceMargin),
    .value("precision", \.precision.precision),
    .value("loss-scale", \.precision.lossScale),
    .value("loss-scale-window", \.precision.lossScaleWindow),
    .optional("corpus", \.corpus.corpus, called: "file"),
    .optional("validation", \.corpus.validation),
    .optional("hold-out", \.corpus.holdOut),
  ]

  private static let recordingKeys: [ConfigurationKey] = [
    .value("every", \.recording.every),
    .optional("per-decade", \.recording.perDecade),
    .value("snapshot-every", \.recording.snapshotEvery),
    .optional("validate-every", \.recording.validateEvery),
    .flag("activations", \.recording.activations),
    .value("weights-every", \.recording.weightsEvery),
    .optional("noise", \.recording.noise),
    .value("noise-every", \.recording.noiseEvery),
    .optional("alerts", \.recording.alerts, called: "rules"),
    .optional("alert-command", \.recording.alertCommand, called: "command"),
    .value("on-nonfinite", \.recording.onNonfinite),
  ]
}
