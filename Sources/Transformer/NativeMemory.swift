import Architecture
import Kernels

/// The factors of native products: narrowed copies of the weights, of what linear maps read, and of the gradient that reaches one.
struct NativeMemory<Scalar: KernelScalar>: Sendable {
  /// Every parameter at its place; those that no product reads stand idle.
  let weights: Buffer<Scalar.Half>
  /// Where the parameters lie that others than products read whole; of the tokens' table they read rows.
  let rangesBesideMatrices: [Range<Int>]
  /// What each layer's linear maps read, from the forward pass until the backward pass.
  private let inputs: [Buffer<Scalar.Half>]
  private let headInput: Buffer<Scalar.Half>
  private let outputGradient: Buffer<Scalar.Half>
  private let rows: Int

  /// Allocates the copies for passes of so many rows. Without a backward pass layers share the memory of what they read.
  ///
  /// - Parameter weights: those of another memory with the same parameters; nil for weights of its own.
  init(
    _ configuration: ModelConfiguration, table: ParameterTable, rows: Int, hasBackward: Bool,
    weights: Buffer<Scalar.Half>?
  ) {
    precondition(
      Scalar.Half.self != BFloat16.self || NativeProducts.areAvailable, "a machine without native products")
    self.rows = rows
    self.weights = weights ?? Buffer(count: table.elementCount)
    let tables = [0, table.index(stem: "\(StemTensor.head).weight")].compactMap(\.self)
    rangesBesideMatrices = table.ranges(besides: table.linearMatrices.union(tables))
    inputs = ModelMemory<Scalar>.buffers(
      table.plans.map { rows * $0.nativeInputWidth }, areShared: !hasBackward)
    headInput = Buffer(count: rows * configuration.modelDim)
    outputGradient = Buffer(count: hasBackward ? rows * (table.plans.map(\.widestOutput).max() ?? 0) : 0)
  }

  /// Where a layer's linear maps find what they read, by the index of their first weight.
  func inputs(_ plan: BlockPlan, layer: Int) -> [Int: Matrix<Scalar.Half>] {
    var offset = 0
    return Dictionary(
      uniqueKeysWithValues: plan.linearMaps.map { linear in
        defer { offset += rows * linear.inputWidth }
        let input = inputs[layer].matrix(offset: offset, rows: rows, width: linear.inputWidth)
        return (linear.weights.lowerBound, input)
      })
  }

  /// What the head reads, of so many rows.
  func headInput(_ rows: Int) -> Matrix<Scalar.Half> {
    headInput.matrix(rows: rows, width: headInput.count / self.rows)
  }

  /// The gradient of what a linear map writes: there until the next one's.
  func outputGradient(width: Int) -> Matrix<Scalar.Half> { outputGradient.matrix(rows: rows, width: width) }
}

extension BlockPlan {
  /// Columns of all that the layer's linear maps read.
  var nativeInputWidth: Int { linearMaps.map(\.inputWidth).reduce(0, +) }

  /// Columns of the widest output of a linear map.
  var widestOutput: Int { linearMaps.map(\.outputWidth).max() ?? 0 }

  /// The linear maps among the steps.
  fileprivate var linearMaps: [LinearParameters] {
    steps.compactMap { named in
      guard case .linear(let linear, _, _) = named.step else { return nil }
      return linear
    }
  }
}

extension ParameterTable {
  /// The matrices of the layers' linear maps, as indices.
  var linearMatrices: Set<Int> {
    Set(
      plans.enumerated().flatMap { layer, plan in
        plan.linearMaps.flatMap { $0.weights.map { firstIndex(layer: layer) + $0 } }
      })
  }

  /// Where all other parameters lie.
  func ranges(besides indices: Set<Int>) -> [Range<Int>] {
    parameters.indices.filter { !indices.contains($0) }.map { parameters[$0].range }
      .reduce(into: []) { ranges, range in
        if let last = ranges.last, last.upperBound == range.lowerBound {
          ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
        } else {
          ranges.append(range)
        }
      }
  }
}
