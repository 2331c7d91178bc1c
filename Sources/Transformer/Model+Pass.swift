import Architecture
import Kernels

/// What a model says of a target.
public struct TargetAnswer: Equatable, Sendable {
  /// Negative log-likelihood, nats.
  public let loss: Double
  /// Whether no other token is likelier: whether greedy decoding would take it.
  public let isLikeliest: Bool
}

extension Model {
  /// Forward and backward: leaves the gradient of `gradientScale * Σ negative log-likelihood` in the gradients.
  ///
  /// With `gradientScale` one over the tokens of the whole global batch and passes added up by `accumulating`, that is the gradient of
  /// the mean over the global batch.
  ///
  /// - Parameters:
  ///   - tokens: `(B*T)` ids, below the table's rows.
  ///   - targets: `(B*T)` ids; a negative one does not count.
  ///   - accumulating: adds to the gradients that are there.
  ///   - dropout: which masks to use; nil drops nothing.
  ///   - examples: adds up the norms' gradients by sequence, each as the gradient of the sequence's own mean loss, where the targets are of
  ///     a batch of `batchTokens` in all.
  /// - Returns: Σ negative log-likelihood over the counted targets, nats.
  public func computeGradients(
    tokens: [Int32], targets: [Int32], gradientScale: Double, accumulating: Bool = false,
    dropout: DropoutKey? = nil, probe: ActivationProbe? = nil, examples: ExampleNorms? = nil,
    batchTokens: Int = 0, clock: StepClock? = nil
  ) -> Double {
    precondition(memory.hasBackward, "a model without memory for gradients")
    examples?.begin(targets: targets, tokens: Double(batchTokens))
    var pass = makePass(dropout: dropout, probe: probe, clock: clock)
    pass.examples = examples
    forward(tokens: tokens, pass)
    let loss = head(targets: targets, gradientScale: Scalar(gradientScale), accumulating: accumulating, pass)
    backward(pass, accumulating: accumulating)
    return loss
  }

  /// The backward pass from the gradient of the hidden states on.
  func backward(_ pass: Pass<Scalar>, accumulating: Bool) {
    pass.clock.measure(.normalization) { finalNormBackward(pass, accumulating: accumulating) }
    for block in blocks.reversed() { block.backward(pass, accumulating: accumulating) }
    pass.clock.measure(.elementwise) {
      embeddingBackward(pass, accumulating: accumulating)
      roundGradients(pass)
    }
  }

  /// Forward alone: Σ negative log-likelihood over the counted targets, nats. Nothing is dropped and no gradient changes.
  public func loss(tokens: [Int32], targets: [Int32]) -> Double {
    let pass = makePass(dropout: nil, probe: nil, clock: nil)
    forward(tokens: tokens, pass)
    return head(targets: targets, gradientScale: nil, accumulating: false, pass)
  }

  /// Forward alone over sequences of unequal lengths: the negative log-likelihood of each target, nats.
  ///
  /// A sequence sees its prefix and nothing else of its neighbours, so that it has the losses that it would have alone. Only rows that have a
  /// target pass through the head.
  ///
  /// - Parameters:
  ///   - tokens: ids, below the table's rows, of all sequences; no more than the shape has rows.
  ///   - targets: as many ids; a negative one does not count.
  ///   - sequences: they lie back to back and take all tokens, none longer than the shape's; a prefix is rows of an earlier one that has none
  ///     itself.
  /// - Returns: an answer for each token; of loss 0 where there is no target.
  public func answers(tokens: [Int32], targets: [Int32], sequences: [SequenceRows]) -> [TargetAnswer] {
    precondition(tokens.count == targets.count && sequences.last?.rows.upperBound == tokens.count)
    var pass = makePass(dropout: nil, probe: nil, clock: nil)
    pass.sequences = filled(sequences)
    let rest = shape.rows - tokens.count
    forward(tokens: tokens + Array(repeating: 0, count: rest), pass)
    return headAnswers(targets: targets, pass)
  }

  /// Sequences that lie back to back, and as many others as fill the shape, which nobody asks about.
  func filled(_ sequences: [SequenceRows]) -> [SequenceRows] {
    let end = sequences.last?.rows.upperBound ?? 0
    return sequences
      + stride(from: end, to: shape.rows, by: shape.sequenceLength).map {
        SequenceRows(rows: $0..<min($0 + shape.sequenceLength, shape.rows))
      }
  }

  /// Sets the learned scales on residuals that start by a pass (Admin) to what one forward pass finds; nothing is dropped.
  ///
  /// - Parameter tokens: `(B*T)` ids, below the table's rows.
  public func profileResiduals(tokens: [Int32]) {
    guard table.needsProfile else { return }
    var pass = makePass(dropout: nil, probe: nil, clock: nil)
    pass.profile = ResidualProfile(parameters: { [self] layer, index in
      parameter(table.firstIndex(layer: layer) + index)
    })
    forward(tokens: tokens, pass)
  }

  func makePass(dropout: DropoutKey?, probe: ActivationProbe?, clock: StepClock?) -> Pass<Scalar> {
    Pass(
      team: team, workspace: memory.workspace, configuration: configuration, shape: shape,
      rotations: memory.rotations, dropout: dropout, precision: configuration.precision,
      native: memory.native, probe: probe, clock: clock)
  }

  func forward(tokens: [Int32], _ pass: Pass<Scalar>) {
    memory.tokens.row.assign(tokens)
    pass.clock.measure(.elementwise) {
      roundWeights(pass)
      embeddingForward(pass)
    }
    for block in blocks { block.forward(pass) }
    pass.clock.measure(.normalization) { finalNormForward(pass) }
  }

  /// The optimizer goes on with the parameters as they are; operations read what is left of them in 16 bits.
  private func roundWeights(_ pass: Pass<Scalar>) {
    guard pass.precision != .fp32 else { return }
    guard let native = memory.native else {
      return roundElements(memory.parameters.row, into: memory.weights.row, to: pass.precision, team: team)
    }
    narrowElements(memory.parameters.row, into: native.weights.row, team: team)
    roundRows(
      memory.tokens.row, of: embedding(memory.parameters), into: embedding(memory.weights),
      to: pass.precision,
      team: team)
    round(native.rangesBesideMatrices, of: memory.parameters, into: memory.weights, pass)
  }

  /// Products have rounded the gradients of matrices in the layers; all others are whole only now.
  private func roundGradients(_ pass: Pass<Scalar>) {
    guard pass.precision != .fp32 else { return }
    round(memory.rangesBesideProducts, of: memory.gradients, into: memory.gradients, pass)
  }

  private func round(
    _ ranges: [Range<Int>], of input: Buffer<Scalar>, into output: Buffer<Scalar>, _ pass: Pass<Scalar>
  ) {
    for range in ranges {
      roundElements(input.row(range), into: output.row(range), to: pass.precision, team: team)
    }
  }
}
