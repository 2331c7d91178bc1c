import Architecture
import Kernels
import Randomness
import RunData

/// How many sequences of which length a pass takes: it fixes the memory of a model.
public struct PassShape: Equatable, Sendable {
  /// Sequences at a time.
  public let batchSize: Int
  /// Positions of each.
  public let sequenceLength: Int

  /// Creates a shape.
  public init(batchSize: Int, sequenceLength: Int) {
    self.batchSize = batchSize
    self.sequenceLength = sequenceLength
  }

  /// Positions in all.
  public var rows: Int { batchSize * sequenceLength }
}

/// A transformer language model with its parameters, gradients and activations.
///
/// All memory is allocated here, once; a step allocates nothing.
public final class Model<Scalar: KernelScalar> {
  /// Sizes and wiring.
  public let configuration: ModelConfiguration
  /// The batch that it takes.
  public let shape: PassShape
  /// Its tensors.
  public let table: ParameterTable
  /// The threads that it computes on.
  public let team: Team

  let memory: ModelMemory<Scalar>
  let blocks: [Block<Scalar>]
  let embeddingNorm: StemNorm<Scalar>?
  let finalNorm: StemNorm<Scalar>?
  private let sumKernel: SumKernel

  /// Allocates a model; its parameters are zero until ``initialize(seed:)`` or ``setParameter(_:to:)``.
  ///
  /// - Parameter hasBackward: without it there is no memory for gradients, layers share that of their values, and only losses can be computed.
  /// - Throws: ``ModelConfigurationError`` where the sizes make no model.
  public convenience init(
    _ configuration: ModelConfiguration, shape: PassShape, hasBackward: Bool = true, team: Team
  ) throws(ModelConfigurationError) {
    try configuration.validate()
    guard configuration.positionRows == 0 || configuration.positionCount >= shape.sequenceLength else {
      throw ModelConfigurationError(
        description:
          "sequence \(shape.sequenceLength) is longer than the \(configuration.positionCount) positions "
          + "that the model has vectors for")
    }
    let table = ParameterTable(configuration)
    self.init(
      configuration, table,
      ModelMemory(configuration, table: table, shape: shape, hasBackward: hasBackward, team: team),
      shape: shape,
      team: team)
  }

  /// A model on the parameters of another one, with gradients and activations of its own.
  ///
  /// - Parameter hasBackward: without it, losses alone can be computed, as of a model of its own.
  /// - Precondition: sequences are no longer than the other's.
  public convenience init(sharingParametersOf other: Model, shape: PassShape, hasBackward: Bool = true) {
    precondition(shape.sequenceLength <= other.shape.sequenceLength)
    let memory = ModelMemory(
      other.configuration, table: other.table, shape: shape, hasBackward: hasBackward, team: other.team,
      parameters: other.memory)
    self.init(other.configuration, other.table, memory, shape: shape, team: other.team)
  }

  private init(
    _ configuration: ModelConfiguration, _ table: ParameterTable, _ memory: ModelMemory<Scalar>,
    shape: PassShape, team: Team
  ) {
    self.configuration = configuration
    self.table = table
    self.memory = memory
    self.shape = shape
    self.team = team
    blocks = memory.blocks(table)
    embeddingNorm = StemNorm(
      configuration.architecture.embedding.norm, name: StemTensor.embeddingNorm, table: table, statistics: 2)
    finalNorm = StemNorm(
      configuration.architecture.head.norm, name: StemTensor.finalNorm, table: table, statistics: 0)
    sumKernel = SumKernel(team: team)
  }

  /// The elements of one tensor, by its index in ``table``.
  public func parameter(_ index: Int) -> Row<Scalar> {
    memory.parameters.row(table.parameters[index].range)
  }

  /// The gradient of one tensor, as the last pass left it.
  public func gradient(_ index: Int) -> Row<Scalar> { memory.gradients.row(table.parameters[index].range) }

  /// Sums of one tensor's gradient.
  public func gradientSums(_ index: Int) -> TensorSums {
    sumKernel.sums(of: gradient(index).matrix(width: table.parameters[index].spec.count))
  }

  /// Sums of every tensor's gradient, in the order of ``table``.
  public func gradientSums() -> [TensorSums] {
    sumKernel.sums(of: table.parameters.indices.map { gradient($0) })
  }

  /// Sums of one tensor's elements.
  public func parameterSums(_ index: Int) -> TensorSums {
    sumKernel.sums(of: parameter(index).matrix(width: table.parameters[index].spec.count))
  }

  /// ‖x‖² of the residual stream at every position, as the last pass left it.
  ///
  /// - Parameter layer: the stream that enters this layer; the number of layers for what leaves the last one.
  /// - Returns: `(B*T)` numbers.
  public func streamSquares(layer: Int) -> [Double] {
    let stream = memory.streamMatrix(layer)
    return (0..<stream.rows).map { row in sumKernel.sums(of: stream.rows(row..<row + 1)).sumSquares }
  }

  /// Multiplies every gradient by a factor.
  public func scaleGradients(by factor: Scalar) {
    for index in table.parameters.indices {
      let tensor = gradient(index).matrix(width: table.parameters[index].spec.shape.last ?? 1)
      scaleForward(factor: factor, input: tensor, into: tensor, team: team)
    }
  }

  /// A probe for this model's operations.
  public func makeProbe() -> ActivationProbe {
    // Sequences of unequal lengths may be as many as there are rows.
    let sequences = configuration.sequenceHead == nil ? shape.batchSize : shape.rows
    let slotCount = sequences * configuration.headCount
    return ActivationProbe(
      table: table, configuration: configuration, kernel: sumKernel, inner: SumSlots(count: slotCount),
      attention: AttentionSlots(count: slotCount))
  }

  /// Gives every tensor its initial values.
  ///
  /// A value is a function of seed, tensor name and position, so that architectures share the values of the tensors they share. Where the
  /// table ``ParameterTable/needsProfile``, ``profileResiduals(tokens:)`` has the last word.
  public func initialize(seed: UInt64) {
    for (index, parameter) in table.parameters.enumerated() {
      let generator = Philox(seed: seed, stream: parameter.fullName)
      let row = self.parameter(index)
      switch parameter.spec.initialValue {
      case .uniform(let bound): fillUniform(row, bound: bound, generator, team: team)
      case .normal(let deviation): fillNormal(row, standardDeviation: deviation, generator, team: team)
      case .constant(let value): fillConstant(row, Scalar(value), team: team)
      case .profiled: fillConstant(row, 1, team: team)
      }
    }
  }
}
