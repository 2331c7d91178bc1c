import Kernels
import RunData

/// How many scalars each part of a model takes: what ``ModelMemory`` allocates, known before it does.
struct MemorySizes {
  /// Logits are worked on in blocks of at most this many elements.
  static let mostLogits = 1 << 26

  let stream: Int
  let logits: Int
  let logitRows: Int
  let keptPerLayer: Int
  let shared: Int
  let valueGradients: Int
  let statisticsPerLayer: Int
  let logSumExpPerLayer: Int
  let workspacePerThread: Int

  init(
    _ configuration: ModelConfiguration, plan: BlockPlan, table: ParameterTable, shape: PassShape
  ) {
    let rows = shape.rows
    let inner = plan.valueWidths.indices.filter { $0 != 0 && $0 != plan.output.value }
    let width = { (values: [Int]) in values.map { plan.valueWidths[$0] }.reduce(0, +) }
    stream = (configuration.layerCount + 1) * rows * configuration.modelDim
    logitRows = max(1, min(rows, Self.mostLogits / configuration.embeddingCount))
    logits = logitRows * configuration.embeddingCount
    keptPerLayer = rows * width(inner.filter { plan.isKept[$0] })
    shared = rows * width(inner.filter { !plan.isKept[$0] })
    valueGradients = rows * width(inner)
    statisticsPerLayer = 2 * plan.normCount * rows
    logSumExpPerLayer = rows * configuration.headCount
    let attention = AttentionShape(
      batchSize: shape.batchSize, sequenceLength: shape.sequenceLength, headCount: configuration.headCount,
      headDim: configuration.headDim, isCausal: configuration.objective == .causal)
    workspacePerThread = max(
      attention.scratchCount, 2 * max(configuration.modelDim, configuration.ffnDim), configuration.headCount)
  }
}

extension ModelConfiguration {
  /// Bytes that training takes: parameters, their rounded copy where there is one, gradients, both moments of AdamW,
  /// activations and the logits in hand.
  ///
  /// In float64, so that absurd sizes give a number rather than an overflow.
  public func trainingBytes(shape: PassShape, scalarBytes: Int = 4) -> Double {
    let rows = Double(shape.batchSize) * Double(shape.sequenceLength)
    let plan = BlockPlan(self)
    let inner = Double(plan.valueWidths.reduce(0, +))
    let keptWidth = Double(
      plan.valueWidths.indices.filter { plan.isKept[$0] }.map { plan.valueWidths[$0] }.reduce(0, +))
    let activations = rows * (keptWidth * Double(layerCount) + 2 * inner + 4 * Double(modelDim))
    let logits = min(rows * Double(embeddingCount), Double(max(MemorySizes.mostLogits, embeddingCount)))
    let perLayer = plan.parameters.map { $0.shape.map(Double.init).reduce(1, *) }.reduce(0, +)
    let parameters = perLayer * Double(layerCount) + Double(embeddingCount) * Double(modelDim)
    let copies = precision == .fp32 ? 4.0 : 5
    return (copies * parameters + activations + logits) * Double(scalarBytes)
  }
}
