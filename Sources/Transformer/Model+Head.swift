import Architecture
import Kernels

extension Model {
  /// The head's matrix in a buffer of parameters: the embedding where it is tied.
  private func headWeight<Element>(_ buffer: Buffer<Element>) -> Matrix<Element> {
    guard let index = table.index(stem: "\(StemTensor.head).weight") else { return embedding(buffer) }
    return buffer.row(table.parameters[index].range).matrix(width: configuration.modelDim)
  }

  private func headBias(_ buffer: Buffer<Scalar>) -> Row<Scalar>? {
    table.index(stem: "\(StemTensor.head).bias").map { buffer.row(table.parameters[$0].range) }
  }

  private var logitFactor: Scalar? {
    configuration.architecture.head.multiplier.map { Scalar($0.value(configuration.variables(layer: 0))) }
  }

  /// Logits, loss and, where `gradientScale` is not nil, the gradients of the hidden states and of the head's matrix; a block of rows at
  /// a time, the logits' gradient in the logits' place.
  func head(
    targets: [Int32], gradientScale: Scalar?, accumulating: Bool, _ pass: Pass<Scalar>
  ) -> Double {
    memory.targets.row.assign(targets)
    var start = 0
    while start < memory.rows {
      let rows = start..<min(memory.rows, start + memory.logitRows)
      let logits = memory.logits.matrix(rows: rows.count, width: configuration.embeddingCount)
      makeLogits(logits, hidden: hidden.rows(rows), pass)
      pass.probe?.measure(.output, stem: .head, logits)
      pass.clock.measure(.loss) {
        crossEntropy(
          logits: logits, targets: memory.targets.row(rows), gradientScale: gradientScale,
          losses: memory.losses.row(rows), precision: pass.precision, team: team)
      }
      if gradientScale != nil {
        pass.probe?.measure(.gradient, stem: .head, logits)
        capBackward(logits, pass)
        pass.clock.measure(.products) {
          productsBackward(logits, rows: rows, accumulating: accumulating || start > 0, pass)
        }
      }
      start = rows.upperBound
    }
    return (0..<memory.rows).reduce(0) { $0 + memory.losses.row[$1] }
  }

  /// Answers of the rows that have a target; these rows alone pass through the head, moved together over the others.
  func headAnswers(targets: [Int32], _ pass: Pass<Scalar>) -> [TargetAnswer] {
    let counted = targets.indices.filter { targets[$0] >= 0 }
    moveTogether(counted, of: hidden)
    memory.targets.row(0..<counted.count).assign(counted.map { targets[$0] })
    var start = 0
    while start < counted.count {
      let rows = start..<min(counted.count, start + memory.logitRows)
      let logits = memory.logits.matrix(rows: rows.count, width: configuration.embeddingCount)
      makeLogits(logits, hidden: hidden.rows(rows), pass)
      crossEntropy(
        logits: logits, targets: memory.targets.row(rows), gradientScale: nil,
        losses: memory.losses.row(rows),
        largest: memory.largest.row(rows), team: team)
      start = rows.upperBound
    }
    var answers = Array(repeating: TargetAnswer(loss: 0, isLikeliest: false), count: targets.count)
    let (losses, largest) = (memory.losses.row, memory.largest.row)
    for (place, row) in counted.enumerated() {
      answers[row] = TargetAnswer(loss: losses[place], isLikeliest: largest[place] == 1)
    }
    return answers
  }

  private func makeLogits(_ logits: Matrix<Scalar>, hidden: Matrix<Scalar>, _ pass: Pass<Scalar>) {
    pass.clock.measure(.products) {
      let bias = headBias(memory.weights)
      let precision = logitFactor == nil ? pass.precision : .fp32
      if let native = pass.native {
        narrowElements(hidden, into: native.headInput(hidden.rows), team: team)
        linearForward(
          input: native.headInput(hidden.rows), weight: headWeight(native.weights), bias: bias,
          into: logits,
          precision: precision, team: team)
      } else {
        linearForward(
          input: hidden, weight: headWeight(memory.weights), bias: bias, into: logits, precision: precision,
          team: team)
      }
      scale(logits, pass)
    }
    capForward(logits, pass)
  }

  /// The gradients of the hidden states and of the head's matrix and bias. The logits' own is of no use afterwards.
  private func productsBackward(
    _ gradient: Matrix<Scalar>, rows: Range<Int>, accumulating: Bool, _ pass: Pass<Scalar>
  ) {
    scale(gradient, pass)
    if let biasGradient = headBias(memory.gradients) {
      biasBackward(outputGradient: gradient, into: biasGradient, accumulating: accumulating, team: team)
    }
    if let native = pass.native {
      linearBackward(
        outputGradient: gradient.narrowedInPlace(team: team),
        input: native.headInput(rows.count),
        weight: headWeight(native.weights), weightGradient: headWeight(memory.gradients),
        accumulating: accumulating, inputGradient: hiddenGradient.rows(rows), accumulatingInput: false,
        team: team)
    } else {
      linearBackward(
        outputGradient: gradient, input: hidden.rows(rows), weight: headWeight(memory.weights),
        weightGradient: headWeight(memory.gradients), accumulating: accumulating,
        inputGradient: hiddenGradient.rows(rows), accumulatingInput: false, team: team)
    }
  }

  /// Multiplies logits, or their gradient, by the architecture's factor, where it has one.
  private func scale(_ logits: Matrix<Scalar>, _ pass: Pass<Scalar>) {
    guard let logitFactor else { return }
    scaleForward(factor: logitFactor, input: logits, into: logits, team: team)
    roundElements(logits, to: pass.precision, team: team)
  }

  // MARK: - Soft cap

  private func slopes(_ logits: Matrix<Scalar>) -> Matrix<Scalar> {
    memory.logitSlopes.matrix(rows: logits.rows, width: logits.width)
  }

  private func capForward(_ logits: Matrix<Scalar>, _ pass: Pass<Scalar>) {
    guard let cap = configuration.architecture.head.softCap else { return }
    pass.clock.measure(.loss) {
      softCapForward(at: Scalar(cap), logits: logits, slopes: slopes(logits), team: team)
      roundElements(logits, to: pass.precision, team: team)
    }
  }

  private func capBackward(_ gradient: Matrix<Scalar>, _ pass: Pass<Scalar>) {
    guard configuration.architecture.head.softCap != nil else { return }
    pass.clock.measure(.loss) {
      softCapBackward(gradient: gradient, slopes: slopes(gradient), team: team)
      roundElements(gradient, to: pass.precision, team: team)
    }
  }
}
