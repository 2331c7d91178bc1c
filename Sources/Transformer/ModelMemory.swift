import Architecture
import Kernels
import RealModule

/// Every buffer of a model, and the views of it that each layer works on.
///
/// Without a backward pass there are no gradients, and layers share the memory of their values.
struct ModelMemory<Scalar: KernelScalar>: Sendable {
  let parameters: Buffer<Scalar>
  /// The parameters as operations read them: a rounded copy, or the parameters themselves where nothing is rounded.
  let weights: Buffer<Scalar>
  /// What native products read; nil where there are none.
  let native: NativeMemory<Scalar>?
  /// Where the parameters lie whose gradients products do not write whole: all but the matrices of the layers' linear maps.
  let rangesBesideProducts: [Range<Int>]
  let gradients: Buffer<Scalar>
  let tokens: Buffer<Int32>
  let targets: Buffer<Int32>
  /// Loss of each position, nats.
  let losses: Buffer<Double>
  /// Whether no other token has a higher logit than the target, 1 or 0; where it was asked for.
  let largest: Buffer<Int32>
  /// `(T, d)`.
  let positions: Buffer<Scalar>
  /// The residual stream entering each layer and leaving the last, `(L + 1)` times `(rows, d)`.
  let stream: Buffer<Scalar>
  /// Gradients of the stream, two that take turns.
  let streamGradients: Buffer<Scalar>
  /// Output of the norm after the stack and its statistics.
  let final: Buffer<Scalar>
  /// Statistics of the norms outside the layers.
  let stemStatistics: Buffer<Scalar>
  /// What a norm of the embeddings reads, and its gradient; empty where there is none.
  let embedded: Buffer<Scalar>
  /// Logits of as many rows as are worked on at a time.
  let logits: Buffer<Scalar>
  /// What judging sequences takes; nil of a language model.
  let sequenceHead: SequenceHeadMemory<Scalar>?
  /// Slopes of a soft cap at these logits; empty where there is none.
  let logitSlopes: Buffer<Scalar>
  /// The angles of every rotation that a layer has.
  let rotations: [RotaryParameters: RotaryAngles<Scalar>]
  let kept: [Buffer<Scalar>]
  let shared: Buffer<Scalar>
  let valueGradients: Buffer<Scalar>
  let statistics: [Buffer<Scalar>]
  let logSumExp: [Buffer<Scalar>]
  let workspace: Workspace<Scalar>

  let rows: Int
  let modelDim: Int
  let logitRows: Int
  let hasBackward: Bool

  /// - Parameter other: memory whose parameters are these, too; nil for parameters of its own.
  init(
    _ configuration: ModelConfiguration, table: ParameterTable, shape: PassShape, hasBackward: Bool,
    team: Team, parameters other: ModelMemory? = nil
  ) {
    self.hasBackward = hasBackward
    let sizes = MemorySizes(configuration, table: table, shape: shape)
    rows = shape.rows
    modelDim = configuration.modelDim
    logitRows = sizes.logitRows
    parameters = other?.parameters ?? Buffer(count: table.elementCount)
    weights =
      other?.weights ?? (configuration.precision == .fp32 ? parameters : Buffer(count: table.elementCount))
    native =
      configuration.hasNativeProducts
      ? NativeMemory(
        configuration, table: table, rows: rows, hasBackward: hasBackward, weights: other?.native?.weights)
      : nil
    rangesBesideProducts = table.ranges(besides: table.linearMatrices)
    gradients = Buffer(count: hasBackward ? table.elementCount : 0)
    tokens = Buffer(count: rows)
    targets = Buffer(count: rows)
    losses = Buffer(count: rows)
    largest = Buffer(count: rows)
    positions = Buffer(count: shape.sequenceLength * modelDim)
    stream = Buffer(count: hasBackward ? sizes.stream : 2 * rows * modelDim)
    streamGradients = Buffer(count: hasBackward ? 2 * rows * modelDim : 0)
    final = Buffer(count: 2 * rows * modelDim)
    stemStatistics = Buffer(count: 4 * rows)
    embedded = Buffer(count: configuration.architecture.embedding.norm == nil ? 0 : 2 * rows * modelDim)
    logits = Buffer(count: sizes.logits)
    logitSlopes = Buffer(count: configuration.architecture.head.softCap == nil ? 0 : sizes.logits)
    sequenceHead = configuration.sequenceHead.map {
      SequenceHeadMemory($0, modelDim: configuration.modelDim, rows: shape.rows)
    }
    rotations = Self.rotations(table, sequenceLength: shape.sequenceLength)
    kept = Self.buffers(sizes.kept, areShared: !hasBackward)
    shared = Buffer(count: sizes.shared)
    valueGradients = Buffer(count: hasBackward ? sizes.valueGradients : 0)
    statistics = Self.buffers(sizes.statistics, areShared: !hasBackward)
    logSumExp = Self.buffers(
      Array(repeating: sizes.logSumExpPerLayer, count: configuration.layerCount), areShared: !hasBackward)
    workspace = Workspace(team: team, capacity: sizes.workspacePerThread)
    if case .sinusoidal = configuration.architecture.embedding.positions {
      fillPositions(sequenceLength: shape.sequenceLength)
    }
  }

  /// One buffer a layer, or one that is large enough for any.
  static func buffers<Element>(_ counts: [Int], areShared: Bool) -> [Buffer<Element>] {
    guard areShared else { return counts.map { Buffer(count: $0) } }
    let one = Buffer<Element>(count: counts.max() ?? 0)
    return counts.map { _ in one }
  }

  func streamMatrix(_ layer: Int) -> Matrix<Scalar> {
    // Without a backward pass the streams at both ends of a layer take turns.
    stream.matrix(offset: (hasBackward ? layer : layer % 2) * rows * modelDim, rows: rows, width: modelDim)
  }

  /// The gradient of the stream that enters `layer`.
  func streamGradient(_ layer: Int) -> Matrix<Scalar> {
    streamGradients.matrix(offset: (layer % 2) * rows * modelDim, rows: rows, width: modelDim)
  }

  func blocks(_ table: ParameterTable) -> [Block<Scalar>] {
    let columns = Dictionary(uniqueKeysWithValues: table.operationNames.enumerated().map { ($1, $0) })
    return table.plans.enumerated().map { layer, plan in
      let first = table.firstIndex(layer: layer)
      let ranges = plan.parameters.indices.map { table.parameters[first + $0].range }
      return Block(
        layer: layer, plan: plan, operationColumns: plan.operationNames.map { columns[$0] ?? 0 },
        values: values(plan, layer: layer),
        valueGradients: hasBackward ? gradients(plan, layer: layer) : [],
        parameters: ranges.map { weights.row($0) },
        nativeParameters: native.map { native in ranges.map { native.weights.row($0) } } ?? [],
        nativeInputs: native?.inputs(plan, layer: layer) ?? [:],
        gradients: hasBackward ? ranges.map { gradients.row($0) } : [],
        statistics: statistics[layer].row, logSumExp: logSumExp[layer].row)
    }
  }

  private static func rotations(
    _ table: ParameterTable, sequenceLength: Int
  ) -> [RotaryParameters: RotaryAngles<Scalar>] {
    var rotations: [RotaryParameters: RotaryAngles<Scalar>] = [:]
    for case .rotary(let rotary, _) in table.plans.flatMap({ $0.steps.map(\.step) })
    where rotations[rotary] == nil {
      rotations[rotary] = RotaryAngles(
        sequenceLength: sequenceLength, rotatedWidth: rotary.rotatedWidth, theta: rotary.theta,
        pairing: rotary.pairing)
    }
    return rotations
  }

  /// A layer's forward values: the stream at both ends, its own memory where backward reads them, else memory that all layers share.
  private func values(_ plan: BlockPlan, layer: Int) -> [Matrix<Scalar>] {
    var ownOffset = 0
    var sharedOffset = 0
    return plan.valueWidths.enumerated().map { value, width in
      if value == 0 { return streamMatrix(layer) }
      if value == plan.output.value { return streamMatrix(layer + 1) }
      if plan.isKept[value] {
        defer { ownOffset += rows * width }
        return kept[layer].matrix(offset: ownOffset, rows: rows, width: width)
      }
      defer { sharedOffset += rows * width }
      return shared.matrix(offset: sharedOffset, rows: rows, width: width)
    }
  }

  private func gradients(_ plan: BlockPlan, layer: Int) -> [Matrix<Scalar>] {
    var offset = 0
    return plan.valueWidths.enumerated().map { value, width in
      if value == 0 { return streamGradient(layer) }
      if value == plan.output.value { return streamGradient(layer + 1) }
      defer { offset += rows * width }
      return valueGradients.matrix(offset: offset, rows: rows, width: width)
    }
  }

  /// fairseq's sinusoidal positions: halves of sines and cosines, not interleaved; the first position is 2.
  private func fillPositions(sequenceLength: Int) {
    let half = modelDim / 2
    let table = positions.matrix(rows: sequenceLength, width: modelDim)
    for position in 0..<sequenceLength {
      for index in 0..<half {
        let exponent = half > 1 ? -Double(index) * Double.log(10_000) / Double(half - 1) : 0
        let angle = Double(position + 2) * Double.exp(exponent)
        table[position][index] = Scalar(Double.sin(angle))
        table[position][half + index] = Scalar(Double.cos(angle))
      }
    }
  }
}
