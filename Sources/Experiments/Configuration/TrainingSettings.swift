import Corpus
import Training

/// Batches and optimizer.
public struct TrainingSettings: Equatable, Sendable {
  /// Positions of a sequence.
  public var sequence = 64
  /// Sequences of a micro-batch.
  public var batch = 8
  /// Micro-batches whose gradients add up to a step.
  public var accumulate = 1
  /// The largest L2 norm of the gradient; nil does not clip.
  public var clip: Double?
  /// Seed of initial values, batches and dropout.
  public var seed: UInt64 = 0
  /// Where sequences start in the corpus.
  public var sampling = Sampling.random
  /// How parameters are updated.
  public var optimizer = OptimizerConfiguration.Method.adamW
  /// SGD: the share of the velocity that is kept; nil for 0.
  public var momentum: Double?
  /// AdamW: decay rate of the first moment.
  public var beta1 = 0.9
  /// AdamW: decay rate of the second moment.
  public var beta2 = 0.98
  /// AdamW: added to the root of the second moment.
  public var epsilon = 1e-8
  /// Decoupled weight decay.
  public var weightDecay = 0.01
  /// What weight decay acts on.
  public var decayed = OptimizerConfiguration.Decayed.all

  /// Every setting.
  static let keys: [ConfigurationKey<Self>] = [
    .value("sequence", \.sequence),
    .value("batch", \.batch),
    .value("accumulate", \.accumulate),
    .optional("clip", \.clip),
    .value("seed", \.seed),
    .value("sampling", \.sampling),
    .value("optimizer", \.optimizer),
    .optional("momentum", \.momentum),
    .value("beta1", \.beta1),
    .value("beta2", \.beta2),
    .value("epsilon", \.epsilon),
    .value("weight-decay", \.weightDecay),
    .value("decayed", \.decayed),
  ]

  /// The usual training.
  public init() {}

  /// Refuses values that are out of range.
  public func validate() throws(ExperimentError) {
    for (name, value) in [
      ("sequence", sequence), ("batch", batch), ("accumulate", accumulate),
    ] where value < 1 {
      throw .refused("\(setting: name) must be at least 1, not \(value)")
    }
    for (name, value) in [("sequence", sequence), ("batch", batch), ("accumulate", accumulate)]
    where value > 1 << 24 {
      throw .refused("\(setting: name) \(value) is more than \(1 << 24), the most there is")
    }
    for (name, value, isInside) in [
      ("beta1", beta1, beta1 >= 0 && beta1 < 1),
      ("beta2", beta2, beta2 >= 0 && beta2 < 1), ("epsilon", epsilon, epsilon >= 0 && epsilon.isFinite),
      ("weight-decay", weightDecay, weightDecay >= 0 && weightDecay.isFinite),
      ("clip", clip ?? 1, (clip ?? 1) > 0),
      ("momentum", momentum ?? 0, (momentum ?? 0) >= 0 && (momentum ?? 0) < 1),
    ] where !isInside {
      throw .refused("\(setting: name) \(value) is out of range")
    }
    guard momentum == nil || optimizer == .sgd else {
      throw .refused("\(setting: "momentum") is SGD's; AdamW has \(setting: "beta1")")
    }
  }
}

/// What runs read.
public struct CorpusSettings: Equatable, Sendable {
  /// A text or a file of tokens; nil for the built-in language.
  public var corpus: String?
  /// Held-out text for the validation loss, of the same kind.
  public var validation: String?
  /// The last part of the corpus that is held out, e.g. 0.1.
  public var holdOut: Double?

  /// Every setting.
  static let keys: [ConfigurationKey<Self>] = [
    .optional("corpus", \.corpus, called: "file"),
    .optional("validation", \.validation),
    .optional("hold-out", \.holdOut),
  ]

  /// What runs on the built-in language have for a corpus's name.
  public static let builtInName = "built-in language"

  /// The built-in language.
  public init() {}

  /// Refuses values that are out of range, or contradict each other.
  public func validate() throws(ExperimentError) {
    guard validation == nil || holdOut == nil else {
      throw .refused("\(setting: "validation") and \(setting: "hold-out") exclude each other")
    }
    if let holdOut, !(holdOut > 0 && holdOut < 1) {
      throw .refused("\(setting: "hold-out") must be between 0 and 1, not \(holdOut)")
    }
  }
}
