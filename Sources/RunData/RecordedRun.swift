/// A run as the analysis sees it: the manifest and the columns that were asked for.
public struct RecordedRun: Sendable {
  /// What was known before the first step.
  public var manifest: RunManifest
  /// The last status that was written; `running` for a run that is still growing or was killed.
  public var status: RunStatus
  /// The recorded steps, ascending.
  public var steps: [Int]
  /// The attempt that each step was made in, counted from 0.
  public var segments: [Int]
  /// Loss at each step, in nats a token.
  public var loss: [Double]
  /// Learning rate at each step.
  public var learningRate: [Double]
  /// L2 norm of the whole gradient at each step, before clipping; empty where the run has not recorded it.
  public var gradientL2: [Double]
  /// The factor that clipping applied at each step, 1 where it did nothing; empty where the run has not recorded it.
  public var clipCoefficient: [Double]
  /// Tokens of each step.
  public var tokens: [Int]
  /// Wall-clock seconds of each step.
  public var seconds: [Double]
  /// Validation losses.
  public var validation: [ValidationRecord]
  /// What the model was evaluated to on the manifest's texts and tasks.
  public var evaluations: [EvaluationRecord] = []
  /// The series that were asked for, by tensor name within a layer.
  public var gradients: [String: TensorSeries]
  /// The largest outputs of operations, where they were asked for and are recorded.
  public var outputs: OutputMaxima?
  /// Σx² of the residual stream that enters each layer, `(layer)(step)`, where it was asked for and is recorded.
  public var streamSquares: [[Double]]?
  /// Snapshots of the gains and learned scales, in order, where they were asked for.
  public var snapshots: [ScaleSnapshot] = []
  /// What operations' outputs and heads of attention were like, where it was asked for and is recorded.
  public var outputSummary: OutputSummary?
  /// The same step by step, where it was asked for and is recorded.
  public var outputSteps: [OutputSummary] = []
  /// What the gradients tell of noise, where it was asked for and is recorded.
  public var noise: NoiseSeries?
  /// What the norms' gradients by sequence tell of it at every step, where it was asked for and is recorded.
  public var exampleNoise: NoiseSeries?

  /// Creates a run.
  public init(
    manifest: RunManifest, status: RunStatus, steps: [Int], segments: [Int], loss: [Double],
    learningRate: [Double], gradientL2: [Double] = [], clipCoefficient: [Double] = [], tokens: [Int],
    seconds: [Double], validation: [ValidationRecord], gradients: [String: TensorSeries],
    outputs: OutputMaxima? = nil
  ) {
    self.manifest = manifest
    self.status = status
    self.steps = steps
    self.segments = segments
    self.loss = loss
    self.learningRate = learningRate
    self.gradientL2 = gradientL2
    self.clipCoefficient = clipCoefficient
    self.tokens = tokens
    self.seconds = seconds
    self.validation = validation
    self.gradients = gradients
    self.outputs = outputs
  }
}

/// One operation's gradient in every layer over the recorded steps.
public struct TensorSeries: Equatable, Sendable {
  /// Elements of the tensor in each layer; 0 where a layer has no such tensor.
  public var elementCounts: [Int]
  /// Whether the gradient is zero by construction, in each layer.
  public var isZeroByConstruction: [Bool]
  /// Σ|g|, `(layer)(step)`.
  public var l1: [[Double]]
  /// Σg², `(layer)(step)`.
  public var sumSquares: [[Double]]
  /// Whether the tensor trains, `(layer)(step)`. Where it does not, being frozen or reached by no loss, it has no gradient, and
  /// the sums are not a number.
  public var isTrained: [[Bool]]
  /// Σw² after each update, `(layer)(step)`, not a number at steps where it was not measured; nil where it was not asked for
  /// or not recorded.
  public var weightSquares: [[Double]]?
  /// Σu² of each update, likewise.
  public var updateSquares: [[Double]]?

  /// Creates a series.
  /// - Parameter isTrained: nil for a tensor that trains at every step.
  public init(
    elementCounts: [Int], isZeroByConstruction: [Bool], l1: [[Double]], sumSquares: [[Double]],
    isTrained: [[Bool]]? = nil
  ) {
    self.isTrained = isTrained ?? l1.map { $0.map { _ in true } }
    self.elementCounts = elementCounts
    self.isZeroByConstruction = isZeroByConstruction
    self.l1 = l1
    self.sumSquares = sumSquares
  }

  /// The number of layers.
  public var layerCount: Int { elementCounts.count }

  /// One statistic over the steps, in one layer; the sum that it is made of must have been read.
  public func values(of statistic: GradientStatistic, layer: Int) -> [Double] {
    // What stands there as it is shown is shared, not copied.
    if statistic == .l1, elementCounts[layer] > 0, !l1[layer].isEmpty { return l1[layer] }
    return isTrained[layer].indices.map { statistic.value(of: sums(layer: layer, record: $0)) }
  }

  /// What statistics are made of, in one layer at one record; not a number where a sum was not read.
  public func sums(layer: Int, record: Int) -> StatisticSums {
    StatisticSums(
      l1: l1[layer].isEmpty ? .nan : l1[layer][record],
      sumSquares: sumSquares[layer].isEmpty ? .nan : sumSquares[layer][record],
      weightSquares: weightSquares?[layer][record] ?? .nan,
      updateSquares: updateSquares?[layer][record] ?? .nan, count: elementCounts[layer])
  }

  /// The records at which a statistic was looked at. Gradients are at all of them; weights and updates, which a recorder may measure at
  /// every tenth step alone, at those at which any layer's are known.
  public func measuredRecords(_ statistic: GradientStatistic) -> [Int] {
    let squares = statistic.subject == .weights ? weightSquares : updateSquares
    let records = Array(isTrained.first?.indices ?? 0..<0)
    guard !statistic.isOfGradient, let squares else { return records }
    let present = squares.indices.filter { elementCounts[$0] > 0 }
    return records.filter { record in present.contains { !squares[$0][record].isNaN } }
  }

  /// Whether a statistic has a value, over the steps in one layer: gradients and updates only where the tensor trains, weights
  /// and updates only where they were measured, a ratio only over weights that are not all zero.
  public func isMeasured(_ statistic: GradientStatistic, layer: Int) -> [Bool] {
    switch statistic.subject {
    case .gradient: return isTrained[layer]
    case .weights: return values(of: statistic, layer: layer).map { !$0.isNaN }
    case .update, .updateOverWeights:
      return zip(values(of: statistic, layer: layer), isTrained[layer]).map { !$0.isNaN && $1 }
    }
  }
}

extension RecordedRun {
  /// Adds later steps of the same run, read with the same columns.
  public mutating func append(_ later: RecordedRun) {
    steps += later.steps
    segments += later.segments
    loss += later.loss
    learningRate += later.learningRate
    gradientL2 += later.gradientL2
    clipCoefficient += later.clipCoefficient
    tokens += later.tokens
    seconds += later.seconds
    if later.validation.count > validation.count { validation = later.validation }
    if later.evaluations.count > evaluations.count { evaluations = later.evaluations }
    outputs?.values += later.outputs?.values ?? []
    for layer in streamSquares?.indices ?? 0..<0 {
      streamSquares?[layer] += later.streamSquares?[layer] ?? []
    }
    for (tensor, series) in later.gradients {
      for layer in series.l1.indices {
        gradients[tensor]?.l1[layer] += series.l1[layer]
        gradients[tensor]?.sumSquares[layer] += series.sumSquares[layer]
        gradients[tensor]?.isTrained[layer] += series.isTrained[layer]
        if let later = series.weightSquares { gradients[tensor]?.weightSquares?[layer] += later[layer] }
        if let later = series.updateSquares { gradients[tensor]?.updateSquares?[layer] += later[layer] }
      }
    }
  }
}
