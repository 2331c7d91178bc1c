import Architecture
import Kernels

/// Adds up the squared gradients that each sequence alone gives the norms, over the passes of one step: the nearly free look at the
/// gradient's noise.
public final class ExampleNorms {
  /// Σ over the sequences of |g_b|², each g_b the gradient of the sequence's own mean loss: the layers' norms, then those outside of the
  /// layers.
  public private(set) var squares: [Double]
  /// Sequences that a loss is taken at.
  public private(set) var examples = 0
  /// Tokens of a sequence, the harmonic mean.
  public var exampleTokens: Double { Double(examples) / inverseTokens }

  private var inverseTokens = 0.0
  /// Of each sequence of the pass, what makes the gradient of its own mean loss of its share of the batch's; 0 without a target.
  private var weights: [Double]
  private let slots: Buffer<Double>

  init(layerCount: Int, batchSize: Int) {
    squares = Array(repeating: 0, count: layerCount + 1)
    weights = Array(repeating: 0, count: batchSize)
    slots = Buffer(count: batchSize)
  }

  /// Forgets what was added: called at the start of a step.
  public func reset() {
    for place in squares.indices { squares[place] = 0 }
    (examples, inverseTokens) = (0, 0)
  }

  /// The next pass has these targets.
  ///
  /// - Parameters:
  ///   - targets: `(B*T)` ids; a negative one does not count.
  ///   - tokens: what the pass's gradients are divided by: the tokens of the whole batch.
  func begin(targets: [Int32], tokens: Double) {
    let length = targets.count / weights.count
    for sequence in weights.indices {
      let count = targets[sequence * length..<(sequence + 1) * length].count { $0 >= 0 }
      weights[sequence] = count > 0 ? tokens / Double(count) : 0
      guard count > 0 else { continue }
      examples += 1
      inverseTokens += 1 / Double(count)
    }
  }

  /// Adds a norm's.
  ///
  /// - Parameter place: its layer, or nil outside of the layers.
  func add<Scalar: KernelScalar>(
    _ parts: [NormRows<Scalar>], hasBias: Bool, layer: Int?, _ pass: Pass<Scalar>
  ) {
    normExampleSquares(
      of: parts, hasBias: hasBias, into: slots.row, team: pass.team, workspace: pass.workspace)
    let place = layer ?? squares.count - 1
    for (sequence, weight) in weights.enumerated() {
      squares[place] += slots.row[sequence] * weight * weight
    }
  }
}

extension Model {
  /// What adds up the norms' gradients by sequence; nil where the model has no norm.
  public func makeExampleNorms() -> ExampleNorms? {
    normParameters.allSatisfy(\.isEmpty)
      ? nil : ExampleNorms(layerCount: table.layerCount, batchSize: shape.batchSize)
  }

  /// The gains and biases of norms, as places in the table: of each layer, then of those outside of the layers.
  public var normParameters: [[Int]] { table.normParameters(of: configuration) }
}
