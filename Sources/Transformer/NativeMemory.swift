import Architecture
import Kernels

/// The factors of native products: narrowed copies of the weights, and of what one linear map reads.
struct NativeMemory<Scalar: KernelScalar>: Sendable {
  /// Every parameter at its place; those that no product reads stand idle.
  let weights: Buffer<Scalar.Half>
  /// Where the parameters lie that others than products read whole; of the tokens' table they read rows.
  let rangesBesideMatrices: [Range<Int>]
  private let input: Buffer<Scalar.Half>
  private let outputGradient: Buffer<Scalar.Half>

  /// Allocates the copies for passes of so many rows.
  ///
  /// - Parameter weights: those of another memory with the same parameters; nil for weights of its own.
  init(_ configuration: ModelConfiguration, table: ParameterTable, rows: Int, weights: Buffer<Scalar.Half>?) {
    precondition(
      Scalar.Half.self != BFloat16.self || NativeProducts.areAvailable, "a machine without native products")
    let sizes = NativeSizes(configuration, table: table)
    self.weights = weights ?? Buffer(count: table.elementCount)
    let tables = [0, table.index(stem: "\(StemTensor.head).weight")].compactMap(\.self)
    rangesBesideMatrices = table.ranges(besides: table.linearMatrices.union(tables))
    input = Buffer(count: rows * sizes.inputWidth)
    outputGradient = Buffer(count: rows * sizes.outputWidth)
  }

  /// What a linear map reads, narrowed. There until the next one's.
  func input(_ matrix: Matrix<Scalar>, team: Team) -> Matrix<Scalar.Half> {
    narrowed(matrix, into: input, team: team)
  }

  /// The gradient of what a linear map writes, narrowed. There until the next one's.
  func outputGradient(_ matrix: Matrix<Scalar>, team: Team) -> Matrix<Scalar.Half> {
    narrowed(matrix, into: outputGradient, team: team)
  }

  private func narrowed(
    _ matrix: Matrix<Scalar>, into buffer: Buffer<Scalar.Half>, team: Team
  ) -> Matrix<Scalar.Half> {
    let halves = buffer.matrix(rows: matrix.rows, width: matrix.width)
    narrowElements(matrix, into: halves, team: team)
    return halves
  }
}

/// The widest factors of the linear maps in a model's layers; logits are narrowed in their own memory.
struct NativeSizes {
  /// Columns of an input, the head's included.
  let inputWidth: Int
  /// Columns of an output.
  let outputWidth: Int

  init(_ configuration: ModelConfiguration, table: ParameterTable) {
    let maps = table.plans.flatMap(\.linearMaps)
    inputWidth = max(configuration.modelDim, maps.map(\.inputWidth).max() ?? 0)
    outputWidth = maps.map(\.outputWidth).max() ?? 0
  }
}

extension BlockPlan {
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
