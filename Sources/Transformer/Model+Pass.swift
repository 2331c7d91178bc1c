import Kernels
import RunData

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
  /// - Returns: Σ negative log-likelihood over the counted targets, nats.
  public func computeGradients(
    tokens: [Int32], targets: [Int32], gradientScale: Double, accumulating: Bool = false,
    dropout: DropoutKey? = nil, probe: ActivationProbe? = nil, clock: StepClock? = nil
  ) -> Double {
    let pass = makePass(dropout: dropout, probe: probe, clock: clock)
    forward(tokens: tokens, pass)
    let loss = head(targets: targets, gradientScale: Scalar(gradientScale), accumulating: accumulating, pass)
    clock.measure(.normalization) { finalNormBackward(pass, accumulating: accumulating) }
    for block in blocks.reversed() { block.backward(pass, accumulating: accumulating) }
    clock.measure(.elementwise) {
      embeddingBackward(pass)
      roundElements(memory.gradients.row, into: memory.gradients.row, to: pass.precision, team: team)
    }
    return loss
  }

  /// Forward alone: Σ negative log-likelihood over the counted targets, nats. Nothing is dropped and no gradient changes.
  public func loss(tokens: [Int32], targets: [Int32]) -> Double {
    let pass = makePass(dropout: nil, probe: nil, clock: nil)
    forward(tokens: tokens, pass)
    return head(targets: targets, gradientScale: nil, accumulating: false, pass)
  }

  private func makePass(dropout: DropoutKey?, probe: ActivationProbe?, clock: StepClock?) -> Pass<Scalar> {
    Pass(
      team: team, workspace: memory.workspace, configuration: configuration,
      attention: AttentionShape(
        batchSize: shape.batchSize, sequenceLength: shape.sequenceLength,
        headCount: configuration.headCount, headDim: configuration.headDim,
        isCausal: configuration.objective == .causal), dropout: dropout,
      precision: configuration.precision, probe: probe, clock: clock)
  }

  private func forward(tokens: [Int32], _ pass: Pass<Scalar>) {
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
    roundElements(memory.parameters.row, into: memory.weights.row, to: pass.precision, team: team)
  }

  // MARK: - Embedding

  /// √d, in front of the embeddings.
  private var embeddingFactor: Scalar { Scalar(configuration.modelDim).squareRoot() }

  private func embedding(_ buffer: Buffer<Scalar>) -> Matrix<Scalar> {
    buffer.matrix(rows: configuration.embeddingCount, width: configuration.modelDim)
  }

  private func embeddingMask(_ pass: Pass<Scalar>) -> DropoutMask? {
    pass.mask(layer: -1, site: 0, probability: configuration.dropout)
  }

  private func embeddingForward(_ pass: Pass<Scalar>) {
    let output = memory.streamMatrix(0)
    Kernels.embeddingForward(
      tokens: memory.tokens.row, table: embedding(memory.weights), factor: embeddingFactor,
      positions: memory.positions.matrix(rows: shape.sequenceLength, width: configuration.modelDim),
      into: output, team: team)
    if let mask = embeddingMask(pass) { dropout(mask, input: output, into: output, team: team) }
    roundElements(output, to: pass.precision, team: team)
  }

  private func embeddingBackward(_ pass: Pass<Scalar>) {
    let gradient = memory.streamGradient(0)
    if let mask = embeddingMask(pass) { dropout(mask, input: gradient, into: gradient, team: team) }
    // The head has written the tied table's gradient before.
    Kernels.embeddingBackward(
      outputGradient: gradient, tokens: memory.tokens.row, factor: embeddingFactor,
      accumulatingInto: embedding(memory.gradients), team: team)
  }

  // MARK: - Norm after the stack

  private var hasFinalNorm: Bool { configuration.placement == .preLN }
  private var stackOutput: Matrix<Scalar> { memory.streamMatrix(configuration.layerCount) }
  private var stackGradient: Matrix<Scalar> { memory.streamGradient(configuration.layerCount) }

  /// What the head reads, and its gradient.
  private var hidden: Matrix<Scalar> {
    hasFinalNorm ? memory.final.matrix(rows: memory.rows, width: memory.modelDim) : stackOutput
  }
  private var hiddenGradient: Matrix<Scalar> {
    let offset = memory.rows * memory.modelDim
    return hasFinalNorm
      ? memory.final.matrix(offset: offset, rows: memory.rows, width: memory.modelDim) : stackGradient
  }

  private var finalGain: Int { table.parameters.count - (configuration.norm == .layer ? 2 : 1) }
  private var finalBias: Int? { configuration.norm == .layer ? table.parameters.count - 1 : nil }
  private var finalMean: Row<Scalar> { memory.finalStatistics.row(0..<memory.rows) }
  private var finalRstd: Row<Scalar> { memory.finalStatistics.row(memory.rows..<2 * memory.rows) }

  private func weight(_ index: Int) -> Row<Scalar> { memory.weights.row(table.parameters[index].range) }

  private func finalNormForward(_ pass: Pass<Scalar>) {
    guard hasFinalNorm else { return }
    normForward(
      configuration.norm, epsilon: Scalar(ModelConfiguration.normEpsilon), input: stackOutput,
      gain: weight(finalGain), bias: finalBias.map { weight($0) }, into: hidden, mean: finalMean,
      rstd: finalRstd, team: team)
    roundElements(hidden, to: pass.precision, team: team)
    pass.probe?.measure(.output, stem: .finalNorm, hidden)
  }

  private func finalNormBackward(_ pass: Pass<Scalar>, accumulating: Bool) {
    guard hasFinalNorm else { return }
    roundElements(hiddenGradient, to: pass.precision, team: team)
    pass.probe?.measure(.gradient, stem: .finalNorm, hiddenGradient)
    normBackward(
      configuration.norm, outputGradient: hiddenGradient, input: stackOutput, gain: weight(finalGain),
      mean: finalMean, rstd: finalRstd, gainGradient: gradient(finalGain),
      biasGradient: finalBias.map { gradient($0) }, accumulating: accumulating,
      inputGradient: stackGradient, accumulatingInput: false, team: team, workspace: pass.workspace)
  }

  // MARK: - Head

  /// Logits, loss and, where `gradientScale` is not nil, the gradients of the hidden states and of the tied table; a block of rows at
  /// a time, the logits' gradient in the logits' place.
  private func head(
    targets: [Int32], gradientScale: Scalar?, accumulating: Bool, _ pass: Pass<Scalar>
  ) -> Double {
    memory.targets.row.assign(targets)
    let table = embedding(memory.weights)
    var start = 0
    while start < memory.rows {
      let rows = start..<min(memory.rows, start + memory.logitRows)
      let logits = memory.logits.matrix(rows: rows.count, width: configuration.embeddingCount)
      pass.clock.measure(.products) {
        linearForward(input: hidden.rows(rows), weight: table, bias: nil, into: logits, team: team)
        roundElements(logits, to: pass.precision, team: team)
      }
      pass.probe?.measure(.output, stem: .head, logits)
      pass.clock.measure(.loss) {
        crossEntropy(
          logits: logits, targets: memory.targets.row(rows), gradientScale: gradientScale,
          losses: memory.losses.row(rows), team: team)
      }
      if gradientScale != nil {
        roundElements(logits, to: pass.precision, team: team)
        pass.probe?.measure(.gradient, stem: .head, logits)
        pass.clock.measure(.products) {
          linearBackward(
            outputGradient: logits, input: hidden.rows(rows), weight: table,
            weightGradient: embedding(memory.gradients), biasGradient: nil,
            accumulating: accumulating || start > 0, inputGradient: hiddenGradient.rows(rows),
            accumulatingInput: false, team: team)
        }
      }
      start = rows.upperBound
    }
    return (0..<memory.rows).reduce(0) { $0 + memory.losses.row[$1] }
  }
}
