import Architecture
import Kernels

// What stands before the layers, and the norm after them.
extension Model {
  // MARK: - Embedding

  /// What stands in front of the embeddings: √d unless the architecture says otherwise.
  private var embeddingFactor: Scalar {
    Scalar(configuration.architecture.embedding.scale.value(configuration.variables(layer: 0)))
  }

  /// The table of tokens in a buffer of parameters.
  func embedding<Element>(_ buffer: Buffer<Element>) -> Matrix<Element> {
    buffer.matrix(rows: configuration.embeddingCount, width: configuration.modelDim)
  }

  /// The rows of learned positions that a sequence reads; nil where positions are not learned.
  private func learnedPositions(_ buffer: Buffer<Scalar>) -> Matrix<Scalar>? {
    guard case .learned(let offset) = configuration.architecture.embedding.positions,
      let index = table.index(stem: StemTensor.positions)
    else { return nil }
    return buffer.row(table.parameters[index].range).matrix(width: configuration.modelDim)
      .rows(offset..<offset + shape.sequenceLength)
  }

  private func embeddingMask(_ pass: Pass<Scalar>) -> DropoutMask? {
    pass.mask(layer: -1, site: 0, probability: configuration.dropout)
  }

  /// What tokens and positions give, before a norm.
  private var embedded: Matrix<Scalar> {
    embeddingNorm == nil
      ? memory.streamMatrix(0) : memory.embedded.matrix(rows: memory.rows, width: memory.modelDim)
  }

  private var embeddedGradient: Matrix<Scalar> {
    embeddingNorm == nil
      ? memory.streamGradient(0)
      : memory.embedded.matrix(
        offset: memory.rows * memory.modelDim, rows: memory.rows, width: memory.modelDim)
  }

  func embeddingForward(_ pass: Pass<Scalar>) {
    let output = memory.streamMatrix(0)
    let positions =
      learnedPositions(memory.weights)
      ?? memory.positions.matrix(rows: shape.sequenceLength, width: configuration.modelDim)
    Kernels.embeddingForward(
      tokens: memory.tokens.row, table: embedding(memory.weights), factor: embeddingFactor,
      positions: positions, places: pass.places, into: embedded, team: team)
    if let embeddingNorm {
      roundElements(embedded, to: pass.precision, team: team)
      embeddingNorm.forward(
        embedded, into: output, parameter: weight, statistics: memory.stemStatistics.row, team: team)
    }
    if let mask = embeddingMask(pass) { dropout(mask, input: output, into: output, team: team) }
    roundElements(output, to: pass.precision, team: team)
  }

  func embeddingBackward(_ pass: Pass<Scalar>, accumulating: Bool) {
    let gradient = memory.streamGradient(0)
    if let mask = embeddingMask(pass) { dropout(mask, input: gradient, into: gradient, team: team) }
    embeddingNorm?.backward(
      gradient, input: embedded, into: embeddedGradient, parameter: weight, gradient: self.gradient,
      accumulating: accumulating, statistics: memory.stemStatistics.row, pass)
    let tokenGradient = embedding(memory.gradients)
    // The head of a tied table has written its gradient before.
    if !accumulating, !configuration.hasTiedLogits { fill(tokenGradient) }
    if let positions = learnedPositions(memory.gradients) {
      if !accumulating, let index = table.index(stem: StemTensor.positions) {
        fill(self.gradient(index).matrix(width: configuration.modelDim))
      }
      positionBackward(
        outputGradient: embeddedGradient, places: pass.places, accumulatingInto: positions, team: team)
    }
    Kernels.embeddingBackward(
      outputGradient: embeddedGradient, tokens: memory.tokens.row, factor: embeddingFactor,
      accumulatingInto: tokenGradient, team: team)
  }

  private func fill(_ matrix: Matrix<Scalar>) {
    for row in 0..<matrix.rows { fillConstant(matrix[row], 0, team: team) }
  }

  // MARK: - Norm after the stack

  private var stackOutput: Matrix<Scalar> { memory.streamMatrix(configuration.layerCount) }
  private var stackGradient: Matrix<Scalar> { memory.streamGradient(configuration.layerCount) }

  /// What the head reads.
  var hidden: Matrix<Scalar> {
    finalNorm == nil ? stackOutput : memory.final.matrix(rows: memory.rows, width: memory.modelDim)
  }

  /// The gradient of what the head reads.
  var hiddenGradient: Matrix<Scalar> {
    finalNorm == nil
      ? stackGradient
      : memory.final.matrix(offset: memory.rows * memory.modelDim, rows: memory.rows, width: memory.modelDim)
  }

  /// A parameter as operations read it.
  func weight(_ index: Int) -> Row<Scalar> { memory.weights.row(table.parameters[index].range) }

  func finalNormForward(_ pass: Pass<Scalar>) {
    guard let finalNorm else { return }
    finalNorm.forward(
      stackOutput, into: hidden, parameter: weight, statistics: memory.stemStatistics.row, team: team)
    roundElements(hidden, to: pass.precision, team: team)
    pass.probe?.measure(.output, stem: .finalNorm, hidden)
  }

  func finalNormBackward(_ pass: Pass<Scalar>, accumulating: Bool) {
    guard let finalNorm else { return }
    roundElements(hiddenGradient, to: pass.precision, team: team)
    pass.probe?.measure(.gradient, stem: .finalNorm, hiddenGradient)
    finalNorm.backward(
      hiddenGradient, input: stackOutput, into: stackGradient, parameter: weight, gradient: gradient,
      accumulating: accumulating, statistics: memory.stemStatistics.row, pass)
  }
}
