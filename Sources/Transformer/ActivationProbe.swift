import Architecture
import Kernels
import RunData

/// Sums up every operation's output and the gradient that reaches it, over the passes of one step.
public final class ActivationProbe {
  /// What is measured.
  enum Quantity: Int {
    case output
    case gradient
  }

  /// An operation after the layers.
  enum Stem {
    /// The norm after the stack, where there is one.
    case finalNorm
    /// The logits over the vocabulary.
    case head
  }

  /// Operations of each layer, the stream that enters it first.
  public let operationNames: [String]
  /// Operations after the layers.
  public let stemOperationNames: [String]
  /// Where kernels leave the sums of what they do not keep, until ``takeInner(_:layer:operation:)`` takes them.
  let inner: SumSlots
  /// Where attention leaves what its probabilities tell, until ``takeAttention(layer:)`` takes it.
  let attention: AttentionSlots

  private let layerCount: Int
  private let headCount: Int
  private let kernel: SumKernel
  private var sums: [[TensorSums]]
  /// Σx⁴ and the elements of outputs, in the order of ``sums``.
  private var moments: OutputMoments
  /// `(layer, head)`.
  private var heads: [AttentionSums]

  init(
    table: ParameterTable, configuration: ModelConfiguration, kernel: SumKernel, inner: SumSlots,
    attention: AttentionSlots
  ) {
    operationNames = table.operationNames
    stemOperationNames = configuration.stemOperationNames
    layerCount = configuration.layerCount
    headCount = configuration.headCount
    self.kernel = kernel
    self.inner = inner
    self.attention = attention
    let count = configuration.layerCount * table.operationNames.count + configuration.stemOperationNames.count
    sums = Array(repeating: Array(repeating: .empty, count: count), count: 2)
    moments = OutputMoments(count: count)
    heads = Array(repeating: .empty, count: layerCount * headCount)
  }

  /// Forgets what was measured: called at the start of a step.
  public func reset() {
    for quantity in sums.indices {
      for index in sums[quantity].indices { sums[quantity][index] = .empty }
    }
    moments = OutputMoments(count: moments.counts.count)
    for index in heads.indices { heads[index] = .empty }
  }

  /// Sums of each operation's output since the last reset, `(layer, operation)`.
  public var outputs: SumColumns { columns(.output, 0..<stemStart) }

  /// Sums of the gradient that reached each operation's output, `(layer, operation)`.
  public var gradients: SumColumns { columns(.gradient, 0..<stemStart) }

  /// Sums of the outputs of the operations after the layers.
  public var stemOutputs: SumColumns { columns(.output, stemStart..<sums[0].count) }

  /// Sums of the gradients that reached the outputs of the operations after the layers.
  public var stemGradients: SumColumns { columns(.gradient, stemStart..<sums[0].count) }

  /// What tells the size of each operation's outputs, `(layer, operation)`.
  public var outputMoments: OutputMoments { moments.part(0..<stemStart) }

  /// What tells the size of the outputs of the operations after the layers.
  public var stemOutputMoments: OutputMoments { moments.part(stemStart..<sums[0].count) }

  /// What every head's attention did since the last reset, `(layer, head)`.
  public var attentionColumns: AttentionColumns { AttentionColumns(heads) }

  /// The first operation, in the order of the forward pass, whose output fulfils a condition, and the output's sums.
  public func firstOutput(
    where condition: (TensorSums) -> Bool
  ) -> (place: OperationPlace, sums: TensorSums)? {
    let outputs = sums[Quantity.output.rawValue]
    guard let index = outputs.firstIndex(where: condition) else { return nil }
    let places = OperationPlace.forwardOrder(
      layerCount: layerCount, operationNames: operationNames, stemOperationNames: stemOperationNames)
    return (places[index], outputs[index])
  }

  func measure<Scalar: KernelScalar>(
    _ quantity: Quantity, layer: Int, operation: Int, _ matrix: Matrix<Scalar>
  ) {
    measure(quantity, matrix, at: layer * operationNames.count + operation)
  }

  func measure<Scalar: KernelScalar>(_ quantity: Quantity, stem: Stem, _ matrix: Matrix<Scalar>) {
    measure(quantity, matrix, at: stem == .head ? sums[0].count - 1 : stemStart)
  }

  /// Takes what a kernel has left in ``inner`` for an operation's.
  func takeInner(_ quantity: Quantity, layer: Int, operation: Int) {
    let index = layer * operationNames.count + operation
    switch quantity {
    case .output: add(inner.mergedOutputs, at: index)
    case .gradient: add(inner.merged, quantity, at: index)
    }
  }

  /// Takes what attention has left in ``attention``: the heads of one sequence after those of another.
  func takeAttention(layer: Int) {
    for slot in 0..<attention.count {
      let index = layer * headCount + slot % headCount
      heads[index] = heads[index].merged(with: attention[slot])
    }
  }

  private var stemStart: Int { layerCount * operationNames.count }

  private func measure<Scalar: KernelScalar>(_ quantity: Quantity, _ matrix: Matrix<Scalar>, at index: Int) {
    switch quantity {
    case .output: add(kernel.outputSums(of: matrix), at: index)
    case .gradient: add(kernel.sums(of: matrix), quantity, at: index)
    }
  }

  private func add(_ new: OutputSums, at index: Int) {
    add(new.sums, .output, at: index)
    moments.counts[index] += new.sums.count
    moments.fourthPowers[index] += new.fourthPowers
  }

  private func add(_ new: TensorSums, _ quantity: Quantity, at index: Int) {
    sums[quantity.rawValue][index] = sums[quantity.rawValue][index].merged(with: new)
  }

  private func columns(_ quantity: Quantity, _ range: Range<Int>) -> SumColumns {
    var columns = SumColumns(count: range.count)
    for (column, index) in range.enumerated() { columns.set(sums[quantity.rawValue][index], at: column) }
    return columns
  }
}
