import Kernels
import RunData

/// Sums up every operation's output and the gradient that reaches it, over the passes of one step.
public final class ActivationProbe {
  /// What is measured.
  enum Quantity: Int {
    case output
    case gradient
  }

  /// Operations of each layer, the stream that enters it first.
  public let operationNames: [String]
  private let layerCount: Int
  private let kernel: SumKernel
  private var sums: [[TensorSums]]

  init(plan: BlockPlan, layerCount: Int, kernel: SumKernel) {
    operationNames = plan.operationNames
    self.layerCount = layerCount
    self.kernel = kernel
    let empty = Array(repeating: TensorSums.empty, count: layerCount * plan.operationNames.count)
    sums = [empty, empty]
  }

  /// Forgets what was measured: called at the start of a step.
  public func reset() {
    for quantity in sums.indices {
      for index in sums[quantity].indices { sums[quantity][index] = .empty }
    }
  }

  /// Sums of each operation's output since the last reset, `(layer, operation)`.
  public var outputs: SumColumns { columns(.output) }

  /// Sums of the gradient that reached each operation's output, `(layer, operation)`.
  public var gradients: SumColumns { columns(.gradient) }

  func measure<Scalar: KernelScalar>(
    _ quantity: Quantity, layer: Int, operation: Int, _ matrix: Matrix<Scalar>
  ) {
    let index = layer * operationNames.count + operation
    sums[quantity.rawValue][index] = sums[quantity.rawValue][index].merged(with: kernel.sums(of: matrix))
  }

  private func columns(_ quantity: Quantity) -> SumColumns {
    var columns = SumColumns(count: layerCount * operationNames.count)
    for (index, value) in sums[quantity.rawValue].enumerated() { columns.set(value, at: index) }
    return columns
  }
}
