import Architecture
import Kernels

/// Sequences of unequal lengths that a model judges at once: they lie back to back and see nothing of each other, so that each has the outputs and
/// the gradients that it would have alone.
public struct SequenceBatch: Equatable, Sendable {
  /// What is right of each sequence.
  public enum Targets: Equatable, Sendable {
    /// Its class, from 0.
    case classes([Int32])
    /// Its number.
    case scores([Double])

    /// Sequences.
    public var count: Int {
      switch self {
      case .classes(let classes): classes.count
      case .scores(let scores): scores.count
      }
    }
  }

  /// Ids, below the table's rows, of all sequences.
  public var tokens: [Int32]
  /// Tokens of each sequence.
  public var lengths: [Int]

  /// Creates a batch.
  /// - Precondition: every sequence has a token, and the lengths add up to the tokens.
  public init(tokens: [Int32], lengths: [Int]) {
    precondition(lengths.allSatisfy { $0 > 0 } && lengths.reduce(0, +) == tokens.count)
    (self.tokens, self.lengths) = (tokens, lengths)
  }
}

extension Model {
  /// Forward and backward of a model with a ``SequenceHead``: leaves the gradient of `gradientScale * Σ loss` in the gradients, the loss a
  /// sequence's negative log-likelihood in nats, or its squared error.
  ///
  /// - Parameters:
  ///   - batch: no more tokens than the shape has rows, none of the sequences longer than the shape's.
  ///   - targets: one for each sequence, of the head's kind.
  ///   - accumulating: adds to the gradients that are there.
  ///   - dropout: which masks to use; nil drops nothing.
  /// - Returns: Σ loss over the sequences.
  public func computeGradients(
    _ batch: SequenceBatch, targets: SequenceBatch.Targets, gradientScale: Double, accumulating: Bool = false,
    dropout: DropoutKey? = nil, probe: ActivationProbe? = nil, clock: StepClock? = nil
  ) -> Double {
    precondition(memory.hasBackward, "a model without memory for gradients")
    let pass = packed(batch, dropout: dropout, probe: probe, clock: clock)
    let places = judgedRows(batch)
    judge(places, pass)
    let loss = clock.measure(.loss) { losses(places.count, targets, gradientScale: Scalar(gradientScale)) }
    clock.measure(.products) { judgeBackward(places, accumulating: accumulating, pass) }
    backward(pass, accumulating: accumulating)
    return loss
  }

  /// Forward alone: the outputs of each sequence, logits of classes or a number. Nothing is dropped and no gradient changes.
  public func outputs(_ batch: SequenceBatch) -> [[Double]] {
    let pass = packed(batch, dropout: nil, probe: nil, clock: nil)
    let places = judgedRows(batch)
    judge(places, pass)
    let outputs = headMemory.outputs(places.count)
    return places.indices.map { outputs[$0].array().map { Double($0) } }
  }

  private var headMemory: SequenceHeadMemory<Scalar> {
    guard let head = memory.sequenceHead else { preconditionFailure("a model that judges no sequences") }
    return head
  }

  /// The forward pass up to the hidden states.
  private func packed(
    _ batch: SequenceBatch, dropout: DropoutKey?, probe: ActivationProbe?, clock: StepClock?
  ) -> Pass<Scalar> {
    precondition(
      batch.tokens.count <= shape.rows && batch.lengths.allSatisfy { $0 <= shape.sequenceLength },
      "sequences that do not fit the shape")
    var pass = makePass(dropout: dropout, probe: probe, clock: clock)
    pass.sequences = filled(SequenceRows.backToBack(batch.lengths))
    forward(tokens: batch.tokens + Array(repeating: 0, count: shape.rows - batch.tokens.count), pass)
    return pass
  }

  /// The row of each sequence that its head reads: the first one's where all rows see each other, the last one's where they see earlier ones.
  private func judgedRows(_ batch: SequenceBatch) -> [Int] {
    var end = 0
    return batch.lengths.map { length in
      end += length
      return configuration.objective == .masked ? end - length : end - 1
    }
  }

  private func parameters(of name: String, _ kind: String, in buffer: Buffer<Scalar>) -> Row<Scalar> {
    guard let index = table.index(stem: "\(name).\(kind)") else { preconditionFailure("no \(name)") }
    return buffer.row(table.parameters[index].range)
  }

  private func judge(_ places: [Int], _ pass: Pass<Scalar>) {
    let (memory, width) = (headMemory, configuration.modelDim)
    func weight(_ name: String) -> Matrix<Scalar> {
      parameters(of: name, "weight", in: self.memory.weights).matrix(width: width)
    }
    func bias(_ name: String) -> Row<Scalar> { parameters(of: name, "bias", in: self.memory.weights) }
    let (chosen, inner) = (memory.chosen(places.count), memory.inner(places.count))
    pass.clock.measure(.products) {
      chooseRowsForward(places, of: hidden, into: chosen)
      linearForward(
        input: chosen, weight: weight(SequenceHead.dense), bias: bias(SequenceHead.dense), into: inner,
        team: team)
      // tanh, with what its backward pass takes.
      softCapForward(at: 1, logits: inner, slopes: memory.slopes(places.count), team: team)
      linearForward(
        input: inner, weight: weight(SequenceHead.projection), bias: bias(SequenceHead.projection),
        into: memory.outputs(places.count), team: team)
    }
  }

  /// Σ loss; where `gradientScale` is not nil, the outputs' gradient takes the outputs' place.
  private func losses(
    _ count: Int, _ targets: SequenceBatch.Targets, gradientScale: Scalar?
  ) -> Double {
    precondition(targets.count == count, "\(targets.count) targets of \(count) sequences")
    let outputs = headMemory.outputs(count)
    let losses = memory.losses.row(0..<count)
    switch (targets, configuration.sequenceHead?.target) {
    case (.classes(let classes), .classes):
      let row = memory.targets.row(0..<count)
      row.assign(classes)
      crossEntropy(logits: outputs, targets: row, gradientScale: gradientScale, losses: losses, team: team)
    case (.scores(let scores), .score):
      let row = headMemory.scores.row(0..<count)
      row.assign(scores.map { Scalar($0) })
      squaredError(outputs: outputs, targets: row, gradientScale: gradientScale, losses: losses)
    default: preconditionFailure("targets of another kind than the head's")
    }
    return (0..<count).reduce(0) { $0 + losses[$1] }
  }

  private func judgeBackward(_ places: [Int], accumulating: Bool, _ pass: Pass<Scalar>) {
    let (memory, width, count) = (headMemory, configuration.modelDim, places.count)
    func backward(
      _ name: String, _ outputGradient: Matrix<Scalar>, input: Matrix<Scalar>,
      into inputGradient: Matrix<Scalar>
    ) {
      biasBackward(
        outputGradient: outputGradient, into: parameters(of: name, "bias", in: self.memory.gradients),
        accumulating: accumulating, team: team)
      linearBackward(
        outputGradient: outputGradient, input: input,
        weight: parameters(of: name, "weight", in: self.memory.weights).matrix(width: width),
        weightGradient: parameters(of: name, "weight", in: self.memory.gradients).matrix(width: width),
        accumulating: accumulating, inputGradient: inputGradient, accumulatingInput: false, team: team)
    }
    let innerGradient = memory.innerGradient(count)
    backward(SequenceHead.projection, memory.outputs(count), input: memory.inner(count), into: innerGradient)
    softCapBackward(gradient: innerGradient, slopes: memory.slopes(count), team: team)
    backward(
      SequenceHead.dense, innerGradient, input: memory.chosen(count), into: memory.chosenGradient(count))
    chooseRowsBackward(
      places, outputGradient: memory.chosenGradient(count), into: hiddenGradient, team: team)
  }
}
