import Architecture
import Corpus
import RunData
import Transformer

/// How a run trains: everything beside the model and the corpus.
public struct TrainingConfiguration: Equatable, Sendable {
  /// Optimizer updates.
  public var stepCount: Int
  /// Rows of a micro-batch, positions of a row, micro-batches whose gradients add up to a step.
  public var batch: BatchShape
  /// Where rows start in the corpus.
  public var sampling: Sampling
  /// Initial values, batches and dropout come from it.
  public var seed: UInt64
  /// The learning rate over the steps.
  public var schedule: LearningRateSchedule
  /// The optimizer and its constants.
  public var optimizer: OptimizerConfiguration
  /// Largest L2 norm of the whole gradient; nil does not clip.
  public var clipNorm: Double?
  /// What is recorded, and when.
  public var recording: RecordingConfiguration
  /// Whether parameters are updated; without, every step measures the same weights.
  public var updatesParameters: Bool
  /// What happens when a loss is infinite or not a number.
  public var onNonfinite: NonfinitePolicy
  /// Dynamic loss scaling, which decides about gradients that are not finite where it is on; nil scales nothing.
  public var lossScaling: LossScaling?
  /// What else ends the run before its last step.
  public var failure: FailureRules

  /// Creates a configuration.
  public init(
    stepCount: Int, batch: BatchShape, sampling: Sampling = .random, seed: UInt64 = 0,
    schedule: LearningRateSchedule, optimizer: OptimizerConfiguration = OptimizerConfiguration(),
    clipNorm: Double? = nil, recording: RecordingConfiguration = RecordingConfiguration(),
    updatesParameters: Bool = true, onNonfinite: NonfinitePolicy = .stop, lossScaling: LossScaling? = nil,
    failure: FailureRules = FailureRules()
  ) {
    self.stepCount = stepCount
    self.batch = batch
    self.sampling = sampling
    self.seed = seed
    self.schedule = schedule
    self.optimizer = optimizer
    self.clipNorm = clipNorm
    self.recording = recording
    self.updatesParameters = updatesParameters
    self.onNonfinite = onNonfinite
    self.lossScaling = lossScaling
    self.failure = failure
  }
}

/// The optimizer and its constants; the defaults are those of the paper's recipe.
public struct OptimizerConfiguration: Equatable, Sendable {
  /// Which parameters weight decay acts on.
  public enum Decayed: String, Sendable, CaseIterable {
    /// Every one, as in the paper's runs: gains and learned scales shrink too.
    case all
    /// Weights and embeddings; biases, gains and learned scales are spared.
    case weights
  }

  /// How parameters are updated.
  public enum Method: String, Sendable, CaseIterable {
    /// ``adamW(_:parameters:gradients:firstMoment:secondMoment:team:)``.
    case adamW = "adamw"
    /// ``sgd(_:parameters:gradients:velocity:team:)``.
    case sgd

    /// Numbers that are kept for each element of a parameter.
    public var momentCount: Int { self == .adamW ? 2 : 1 }
  }

  /// How parameters are updated.
  public var method: Method
  /// Decay rate of the first moment.
  public var beta1: Double
  /// Decay rate of the second moment.
  public var beta2: Double
  /// Added to the root of the second moment.
  public var epsilon: Double
  /// Decoupled weight decay.
  public var weightDecay: Double
  /// What it acts on.
  public var decayed: Decayed
  /// SGD's: the share of the velocity that is kept.
  public var momentum: Double

  /// Creates a set of constants.
  public init(
    method: Method = .adamW, beta1: Double = 0.9, beta2: Double = 0.98, epsilon: Double = 1e-8,
    weightDecay: Double = 0.01, decayed: Decayed = .all, momentum: Double = 0
  ) {
    self.method = method
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.decayed = decayed
    self.momentum = momentum
  }

  func weightDecay(of kind: ParameterKind) -> Double {
    switch (decayed, kind) {
    case (.all, _), (.weights, .weight), (.weights, .embedding): weightDecay
    case (.weights, _): 0
    }
  }
}

/// What happens when a loss is infinite or not a number.
public enum NonfinitePolicy: String, Sendable, CaseIterable {
  /// The step is recorded, then the run ends in order.
  case stop
  /// The run goes on.
  case `continue`
}
