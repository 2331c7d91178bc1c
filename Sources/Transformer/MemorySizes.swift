import Architecture
import Kernels

/// How many scalars each part of a model takes: what ``ModelMemory`` allocates, known before it does.
struct MemorySizes {
  /// Logits are worked on in blocks of at most this many elements.
  static let mostLogits = 1 << 26

  let stream: Int
  let logits: Int
  let logitRows: Int
  /// By layer, as ``statistics`` are.
  let kept: [Int]
  let shared: Int
  let valueGradients: Int
  let statistics: [Int]
  let logSumExpPerLayer: Int
  let workspacePerThread: Int

  init(_ configuration: ModelConfiguration, table: ParameterTable, shape: PassShape) {
    let rows = shape.rows
    let plans = table.plans
    stream = (configuration.layerCount + 1) * rows * configuration.modelDim
    logitRows = max(1, min(rows, Self.mostLogits / configuration.embeddingCount))
    logits = configuration.sequenceHead == nil ? logitRows * configuration.embeddingCount : 0
    kept = plans.map { rows * $0.keptWidth }
    shared = rows * (plans.map(\.sharedWidth).max() ?? 0)
    valueGradients = rows * (plans.map { $0.keptWidth + $0.sharedWidth }.max() ?? 0)
    statistics = plans.map { $0.statisticsCount * rows }
    logSumExpPerLayer = rows * configuration.headCount
    let scratch = plans.flatMap(\.steps).compactMap { named -> Int? in
      guard case .attention(let attention, _, _, _, _) = named.step else { return nil }
      let isCausal = configuration.objective == .causal
      // Halves take less.
      return AttentionShape(attention, shape, isCausal: isCausal).scratchCount(of: Float.self)
    }
    // Reductions over rows need a place for gain, bias and a DyT's slope.
    let widest = plans.flatMap(\.valueWidths).max() ?? 0
    workspacePerThread = max(scratch.max() ?? 0, 2 * widest + 1, configuration.headCount)
  }
}

extension BlockPlan {
  private func width(isKept: Bool) -> Int {
    valueWidths.indices.filter { $0 != 0 && $0 != output.value && self.isKept[$0] == isKept }
      .map { valueWidths[$0] }.reduce(0, +)
  }

  /// Columns of the values that a layer keeps for its backward pass, its input and output aside.
  var keptWidth: Int { width(isKept: true) }

  /// Columns of the values that layers share.
  var sharedWidth: Int { width(isKept: false) }
}

extension ModelConfiguration {
  /// Bytes that losses alone take: parameters, the values of one layer, and the logits in hand. In float64, as ``trainingBytes(shape:scalarBytes:)``.
  public func evaluationBytes(shape: PassShape, scalarBytes: Int = 4) -> Double {
    let rows = Double(shape.batchSize) * Double(shape.sequenceLength)
    let plan = BlockPlan(self, layer: layerCount - 1)
    let perLayer = plan.parameters.map { $0.shape.map(Double.init).reduce(1, *) }.reduce(0, +)
    let tables = (architecture.head.isTied ? 1.0 : 2) * Double(embeddingCount) + Double(positionRows)
    let parameters = perLayer * Double(layerCount) + tables * Double(modelDim)
    let values = rows * (Double(plan.valueWidths.reduce(0, +)) + 4 * Double(modelDim))
    let logits = headScalars(rows: rows)
    return (parameters + values + logits) * Double(scalarBytes)
  }

  /// Bytes that training takes: parameters, their rounded copy where there is one, gradients, both moments of AdamW,
  /// activations and the logits in hand.
  ///
  /// In float64 and from one layer of each kind, so that absurd sizes give a number rather than an overflow.
  public func trainingBytes(shape: PassShape, scalarBytes: Int = 4) -> Double {
    let (parameters, passes) = scalarCounts(shape: shape)
    let copies = precision == .fp32 ? 4.0 : hasNativeProducts ? 5.5 : 5
    return (copies * parameters + passes) * Double(scalarBytes)
  }

  /// What a head works on: logits in hand, or what judging sequences takes.
  private func headScalars(rows: Double) -> Double {
    guard let sequenceHead else {
      return min(rows * Double(embeddingCount), Double(max(MemorySizes.mostLogits, embeddingCount)))
    }
    return rows * Double(5 * modelDim + sequenceHead.outputCount + 1)
  }

  /// Bytes that a second set of gradients and activations takes, for passes of a shape.
  public func passBytes(shape: PassShape, scalarBytes: Int = 4) -> Double {
    let (parameters, passes) = scalarCounts(shape: shape)
    return (parameters + passes) * Double(scalarBytes)
  }

  /// Columns of the factors that native products read.
  private func nativeWidth(_ plan: BlockPlan) -> Double {
    Double(plan.nativeInputWidth) * Double(layerCount) + Double(plan.widestOutput) + Double(modelDim)
  }

  /// Parameters, and what a pass keeps.
  private func scalarCounts(shape: PassShape) -> (parameters: Double, passes: Double) {
    let rows = Double(shape.batchSize) * Double(shape.sequenceLength)
    let plan = BlockPlan(self, layer: layerCount - 1)
    let inner = Double(plan.valueWidths.reduce(0, +))
    let keptWidth = Double(
      plan.valueWidths.indices.filter { plan.isKept[$0] }.map { plan.valueWidths[$0] }.reduce(0, +))
    let activations = rows * (keptWidth * Double(layerCount) + 2 * inner + 4 * Double(modelDim))
    let logits = headScalars(rows: rows)
    let perLayer = plan.parameters.map { $0.shape.map(Double.init).reduce(1, *) }.reduce(0, +)
    let tables = (architecture.head.isTied ? 1.0 : 2) * Double(embeddingCount) + Double(positionRows)
    let parameters = perLayer * Double(layerCount) + tables * Double(modelDim)
    let halves = hasNativeProducts ? rows * nativeWidth(plan) / 2 : 0
    return (parameters, activations + logits + halves)
  }
}
