/// The sums of many tensors at one step, as columns: what one row of the gradient datasets holds.
public struct SumColumns: Equatable, Sendable {
  /// Σ|g| of each tensor.
  public var l1: [Double]
  /// Σg² of each tensor.
  public var sumSquares: [Double]
  /// max|g| of each tensor.
  public var maxAbs: [Double]
  /// Elements that are exactly zero, of each tensor.
  public var zeros: [Int]
  /// Elements that are not finite, of each tensor.
  public var nonfinite: [Int]

  /// Columns of `count` tensors, all zero.
  public init(count: Int) {
    l1 = Array(repeating: 0, count: count)
    sumSquares = l1
    maxAbs = l1
    zeros = Array(repeating: 0, count: count)
    nonfinite = zeros
  }

  /// The number of tensors.
  public var count: Int { l1.count }

  /// The sums of the same tensors, each element times a positive factor.
  public func scaled(by factor: Double) -> SumColumns {
    var result = self
    result.l1 = l1.map { $0 * factor }
    result.sumSquares = sumSquares.map { $0 * factor * factor }
    result.maxAbs = maxAbs.map { $0 * factor }
    return result
  }

  /// Stores the sums of one tensor.
  public mutating func set(_ sums: TensorSums, at index: Int) {
    l1[index] = sums.l1
    sumSquares[index] = sums.sumSquares
    maxAbs[index] = sums.maxAbs
    zeros[index] = sums.zeros
    nonfinite[index] = sums.nonfinite
  }
}

/// Sums of weights after an update, and of what the update changed: decay, clipping and learning rate included. Zeros and
/// non-finite elements are not counted.
public struct ParameterSums: Equatable, Sendable {
  /// Of the weights, `(layer, tensor)` as in ``GradientLayout``.
  public var weights: SumColumns
  /// Of the weights outside the layers.
  public var stemWeights: SumColumns
  /// Of the update, `(layer, tensor)`.
  public var updates: SumColumns
  /// Of the update outside the layers.
  public var stemUpdates: SumColumns

  /// Creates the sums.
  public init(weights: SumColumns, stemWeights: SumColumns, updates: SumColumns, stemUpdates: SumColumns) {
    self.weights = weights
    self.stemWeights = stemWeights
    self.updates = updates
    self.stemUpdates = stemUpdates
  }
}

/// Everything that one step leaves behind.
public struct StepRecord: Equatable, Sendable {
  /// The optimizer step, counted from 0.
  public var step: Int
  /// Mean token negative log-likelihood of the step's global batch, in nats.
  public var loss: Double
  /// The learning rate of the update that follows.
  public var learningRate: Double
  /// L2 norm of the whole gradient, before clipping.
  public var gradientL2: Double
  /// The factor that clipping applied; 1 where it did nothing.
  public var clipCoefficient: Double
  /// Tokens that the loss runs over.
  public var tokens: Int
  /// Wall-clock seconds that the step took.
  public var seconds: Double
  /// Gradient sums, `(layer, tensor)` as in ``GradientLayout``.
  public var gradients: SumColumns
  /// Gradient sums of the tensors outside the layers.
  public var stemGradients: SumColumns
  /// Sums of each operation's output, `(layer, operation)`; nil unless asked for.
  public var activations: SumColumns?
  /// Sums of the gradient that reaches each operation's output, `(layer, operation)`; nil unless asked for.
  public var activationGradients: SumColumns?
  /// Sums of the outputs of the operations after the layers; nil unless asked for.
  public var stemActivations: SumColumns?
  /// Sums of the gradients that reach these outputs; nil unless asked for.
  public var stemActivationGradients: SumColumns?
  /// What tells the size of each operation's output, `(layer, operation)`; nil unless asked for.
  public var activationMoments: OutputMoments?
  /// What tells the size of the outputs of the operations after the layers; nil unless asked for.
  public var stemActivationMoments: OutputMoments?
  /// What every head's attention did, `(layer, head)`; nil unless asked for.
  public var attention: AttentionColumns?
  /// The norms' gradients by sequence; nil unless noise is asked for.
  public var exampleNorms: ExampleNormSums?
  /// The factor on the loss while the gradients were computed, of which they are free again; nil without loss scaling.
  public var lossScale: Double?
  /// Sums of the weights after the step's update and of the update; nil where they were not measured.
  public var parameters: ParameterSums?

  /// Creates a record.
  public init(
    step: Int, loss: Double, learningRate: Double, gradientL2: Double, clipCoefficient: Double, tokens: Int,
    seconds: Double, gradients: SumColumns, stemGradients: SumColumns, activations: SumColumns? = nil,
    activationGradients: SumColumns? = nil, stemActivations: SumColumns? = nil,
    stemActivationGradients: SumColumns? = nil, lossScale: Double? = nil,
    parameters: ParameterSums? = nil
  ) {
    self.step = step
    self.loss = loss
    self.learningRate = learningRate
    self.gradientL2 = gradientL2
    self.clipCoefficient = clipCoefficient
    self.tokens = tokens
    self.seconds = seconds
    self.gradients = gradients
    self.stemGradients = stemGradients
    self.activations = activations
    self.activationGradients = activationGradients
    self.stemActivations = stemActivations
    self.stemActivationGradients = stemActivationGradients
    self.lossScale = lossScale
    self.parameters = parameters
  }
}

/// The learned scales at one moment.
public struct ScaleSnapshot: Equatable, Sendable {
  /// Optimizer updates made so far: 0 is the initial value.
  public var step: Int
  /// Values of each scale in the manifest's order, `(layer, element)`; not a number where a layer has no such scale.
  public var values: [[Float]]

  /// Creates a snapshot.
  public init(step: Int, values: [[Float]]) {
    self.step = step
    self.values = values
  }
}

/// A loss on text that the run does not learn from.
public struct ValidationRecord: Equatable, Sendable {
  /// Optimizer updates made so far.
  public var step: Int
  /// Mean token negative log-likelihood, in nats; of a run that learns a task the mean loss of its examples.
  public var loss: Double
  /// How well a task's examples are answered: as many as the manifest names, in its order; not a number where one is undefined.
  public var metrics: [Double]

  /// Creates a record.
  public init(step: Int, loss: Double, metrics: [Double] = []) {
    self.step = step
    self.loss = loss
    self.metrics = metrics
  }
}

/// How well the examples of a task are answered; 1 is all of them rightly.
public enum TaskMetric: String, Sendable, CaseIterable {
  /// The share of examples whose class is the right one.
  case accuracy
  /// The same of MNLI's genres that are not trained on.
  case mismatchedAccuracy = "accuracy_mismatched"
  /// The harmonic mean of precision and recall of the second class.
  case f1
  /// Matthews' correlation of classes.
  case matthews
  /// Pearson's correlation of numbers.
  case pearson
  /// Spearman's correlation of numbers.
  case spearman
}

/// How a run stands: the last status that was written.
public enum RunStatus: Int, Sendable, CaseIterable {
  /// Still growing, or killed.
  case running = 1
  /// All steps done.
  case finished = 2
  /// Stopped by SIGINT or SIGTERM, in order.
  case interrupted = 3
  /// Ended because the loss became non-finite.
  case nonfinite = 4
  /// Ended by an error.
  case failed = 5
  /// Ended because an operation's output left the range of a 16-bit format.
  case overflow = 6
  /// Ended because the loss had risen again for good.
  case diverged = 7
  /// Ended because gradients overflowed at the least loss scale.
  case lossScaleExhausted = 8

  /// Whether it came to an end of its own: all steps made, or failed at one. A run that grows, was killed or stopped may go on.
  public var isEnd: Bool {
    switch self {
    case .finished, .nonfinite, .overflow, .diverged, .lossScaleExhausted: true
    case .running, .interrupted, .failed: false
    }
  }
}
