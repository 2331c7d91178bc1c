import Architecture
import Kernels

/// What a pass through the layers needs beside the layers.
struct Pass<Scalar: KernelScalar> {
  let team: Team
  let workspace: Workspace<Scalar>
  let configuration: ModelConfiguration
  let shape: PassShape
  /// Rows of each sequence where their lengths differ; nil where the shape says it.
  var sequences: [SequenceRows]? { didSet { places = sequences.map { RowPositions($0) } } }
  /// The rows' positions, likewise.
  private(set) var places: RowPositions?
  /// The angles of every rotation that a layer has.
  let rotations: [RotaryParameters: RotaryAngles<Scalar>]
  /// Seed and step of the dropout masks; nil switches dropout off.
  let dropout: DropoutKey?
  /// What weights and outputs are rounded to.
  let precision: Precision
  /// The factors of native products; nil where there are none.
  let native: NativeMemory<Scalar>?
  /// Measures operations' outputs and their gradients where it is not nil.
  let probe: ActivationProbe?
  /// Times each step where it is not nil.
  let clock: StepClock?
  /// Adds up the norms' gradients by sequence where it is not nil.
  var examples: ExampleNorms?
  /// Sets the scales on residuals that start by a pass, where it is not nil.
  var profile: ResidualProfile<Scalar>?

  /// The shape of an attention step.
  func attention(_ parameters: AttentionParameters) -> AttentionShape {
    AttentionShape(
      parameters, shape, isCausal: configuration.objective == .causal, sequences: sequences)
  }

  func mask(layer: Int, site: Int, probability: Double) -> DropoutMask? {
    guard let dropout, probability > 0 else { return nil }
    return DropoutMask(
      seed: dropout.seed, step: dropout.step, site: (layer + 1) << 8 | site, probability: probability)
  }
}

/// Which dropout masks a pass uses: masks are a function of seed, pass and place.
public struct DropoutKey: Equatable, Sendable {
  /// The run's seed.
  public let seed: UInt64
  /// Counts forward passes: `step * accumulation + microBatch`.
  public let step: Int

  /// Creates a key.
  public init(seed: UInt64, step: Int) {
    self.seed = seed
    self.step = step
  }
}

/// One layer: the plan's steps over this layer's memory.
///
/// Forward values that backward needs are the layer's own; others, and all gradients of values, are shared by the layers.
struct Block<Scalar: KernelScalar> {
  let layer: Int
  let plan: BlockPlan
  /// Where each of the plan's operations stands among those that any layer has.
  let operationColumns: [Int]
  /// The layer's values, `(rows, width)` each, in the plan's order.
  let values: [Matrix<Scalar>]
  let valueGradients: [Matrix<Scalar>]
  /// The layer's parameters as its operations read them, in the plan's order.
  let parameters: [Row<Scalar>]
  /// The same as native products read them; empty where there are none.
  let nativeParameters: [Row<Scalar.Half>]
  /// Where native products find what the linear maps read, by the index of their first weight.
  let nativeInputs: [Int: Matrix<Scalar.Half>]
  let gradients: [Row<Scalar>]
  /// Means and reciprocal standard deviations of the norms' rows, in the plan's order.
  let statistics: Row<Scalar>
  /// `(B * heads * T)`.
  let logSumExp: Row<Scalar>

  func value(_ slice: Slice) -> Matrix<Scalar> { values[slice.value].columns(slice.columns) }
  func gradient(_ slice: Slice) -> Matrix<Scalar> {
    valueGradients[slice.value].columns(slice.columns)
  }

  /// Computes the layer's values from value 0.
  func forward(_ pass: Pass<Scalar>) {
    var operation = 0
    pass.probe?.measure(.output, layer: layer, operation: 0, values[0])
    for named in plan.steps {
      pass.clock.measure(named.step.part) {
        forward(named.step, pass)
        // Linear maps round what they write while it is in the cache.
        if case .linear = named.step { return }
        roundElements(value(named.step.output), to: pass.precision, team: pass.team)
      }
      for _ in named.innerNames {
        operation += 1
        pass.probe?.takeInner(.output, layer: layer, operation: operationColumns[operation])
      }
      for output in named.outputNames {
        operation += 1
        pass.probe?.measure(
          .output, layer: layer, operation: operationColumns[operation], value(output.slice))
      }
    }
  }

  /// Computes the gradients of the layer's parameters and of value 0 from the gradient of the output.
  func backward(_ pass: Pass<Scalar>, accumulating: Bool) {
    var operation = plan.operationNames.count
    for index in plan.steps.indices.reversed() {
      let named = plan.steps[index]
      roundGradient(of: named.step, pass)
      for output in named.outputNames.reversed() {
        operation -= 1
        pass.probe?.measure(
          .gradient, layer: layer, operation: operationColumns[operation], gradient(output.slice))
      }
      pass.clock.measure(named.step.part) {
        backward(named.step, adding: plan.accumulates[index], pass, accumulating: accumulating)
      }
      for _ in named.innerNames {
        operation -= 1
        pass.probe?.takeInner(.gradient, layer: layer, operation: operationColumns[operation])
      }
    }
    roundElements(valueGradients[0], to: pass.precision, team: pass.team)
    pass.probe?.measure(.gradient, layer: layer, operation: 0, valueGradients[0])
  }

  private func forward(_ step: Step, _ pass: Pass<Scalar>) {
    let team = pass.team
    switch step {
    case .norm(let norm, let from, let to):
      for part in 0..<norm.partCount {
        let (mean, rstd) = statistics(norm, part, rows: value(from).rows)
        normForward(
          norm.kind, epsilon: Scalar(norm.epsilon), input: value(from).part(part, of: norm.partCount),
          gain: parameters[norm.gain], gainOffset: Scalar(norm.gainOffset),
          bias: norm.bias.map { parameters[$0] }, into: value(to).part(part, of: norm.partCount), mean: mean,
          rstd: rstd, team: team)
      }
    case .dynamicTanh(let norm, let from, let to):
      dynamicTanhForward(
        input: value(from), slope: parameters[norm.slope], gain: parameters[norm.gain],
        bias: parameters[norm.bias], into: value(to), team: team)
    case .linear(let linear, let from, let to): multiply(linear, value(from), into: value(to), pass)
    case .rotary(let rotary, let heads):
      guard let angles = pass.rotations[rotary] else { return }
      rotaryForward(angles, headDim: rotary.headDim, heads: value(heads), places: pass.places, team: team)
    case .attention(let attention, let query, let key, let valueSlice, let to):
      attend(attention, query, key, valueSlice, into: to, pass)
      pass.probe?.takeAttention(layer: layer)
    case .headScale(let kind, let parameter, let from, let to):
      headScaleForward(kind, input: value(from), scale: parameters[parameter], into: value(to), team: team)
    case .constantScale(let factor, let from, let to):
      scaleForward(factor: Scalar(factor), input: value(from), into: value(to), team: team)
    case .activation(let function, let from, let to):
      activationForward(function, input: value(from), into: value(to), team: team)
    case .gated(let function, let from, let to):
      gatedForward(function, input: value(from), into: value(to), team: team)
    case .dropout(let site, let from, let to):
      drop(site, value(from), into: value(to), pass)
    case .add(let residual, let scale, let branch, let to):
      if let profile = pass.profile, let scale, plan.parameters[scale].initialValue == .profiled {
        profile.set(parameters[scale], residual: value(residual), branch: value(branch), layer: layer, scale)
      }
      addForward(
        residual: value(residual), scale: scale.map { parameters[$0] }, branch: value(branch),
        into: value(to), team: team)
    }
  }

  private func backward(_ step: Step, adding: [Bool], _ pass: Pass<Scalar>, accumulating: Bool) {
    let team = pass.team
    switch step {
    case .norm(let norm, let from, let to):
      pass.examples?.add(rows(of: norm, from, to), hasBias: norm.bias != nil, layer: layer, pass)
      for part in 0..<norm.partCount {
        let (mean, rstd) = statistics(norm, part, rows: value(from).rows)
        normBackward(
          norm.kind, outputGradient: gradient(to).part(part, of: norm.partCount),
          input: value(from).part(part, of: norm.partCount), gain: parameters[norm.gain],
          gainOffset: Scalar(norm.gainOffset), mean: mean, rstd: rstd, gainGradient: gradients[norm.gain],
          biasGradient: norm.bias.map { gradients[$0] }, accumulating: accumulating || part > 0,
          inputGradient: gradient(from).part(part, of: norm.partCount), accumulatingInput: adding[0],
          team: team, workspace: pass.workspace)
      }
    case .dynamicTanh(let norm, let from, let to):
      dynamicTanhBackward(
        outputGradient: gradient(to), input: value(from), slope: parameters[norm.slope],
        gain: parameters[norm.gain], slopeGradient: gradients[norm.slope], gainGradient: gradients[norm.gain],
        biasGradient: gradients[norm.bias], accumulating: accumulating, inputGradient: gradient(from),
        accumulatingInput: adding[0], team: team, workspace: pass.workspace)
    case .linear(let linear, let from, let to):
      multiplyBackward(
        linear, outputGradient: gradient(to), input: value(from), into: gradient(from), adding: adding[0],
        accumulating: accumulating, pass)
    case .rotary(let rotary, let heads):
      guard let angles = pass.rotations[rotary] else { return }
      rotaryBackward(
        angles, headDim: rotary.headDim, gradient: gradient(heads), places: pass.places, team: team)
    case .attention(let attention, let query, let key, let valueSlice, let to):
      attendBackward(attention, query, key, valueSlice, from: to, pass)
    case .headScale(let kind, let parameter, let from, let to):
      headScaleBackward(
        kind, outputGradient: gradient(to), input: value(from), scale: parameters[parameter],
        scaleGradient: gradients[parameter], accumulating: accumulating, into: gradient(from),
        accumulatingInput: adding[0], team: team, workspace: pass.workspace)
    case .constantScale(let factor, let from, let to):
      scaleBackward(
        factor: Scalar(factor), outputGradient: gradient(to), inputGradient: gradient(from),
        accumulatingInput: adding[0], team: team)
    case .activation(let function, let from, let to):
      activationBackward(
        function, outputGradient: gradient(to), input: value(from), into: gradient(from), team: team)
    case .gated(let function, let from, let to):
      gatedBackward(
        function, outputGradient: gradient(to), input: value(from), into: gradient(from), team: team)
    case .dropout(let site, let from, let to):
      drop(site, gradient(to), into: gradient(from), pass)
    case .add(let residual, let scale, let branch, let to):
      addBackward(
        outputGradient: gradient(to), residual: value(residual), scale: scale.map { parameters[$0] },
        scaleGradient: scale.map { gradients[$0] }, accumulating: accumulating,
        branchGradient: gradient(branch), residualGradient: gradient(residual),
        accumulatingResidual: adding[0], team: team, workspace: pass.workspace)
    }
  }

  /// What a norm's backward pass reads, part by part.
  private func rows(of norm: NormParameters, _ from: Slice, _ to: Slice) -> [NormRows<Scalar>] {
    (0..<norm.partCount).map { part in
      let (mean, rstd) = statistics(norm, part, rows: value(from).rows)
      return NormRows(
        outputGradient: gradient(to).part(part, of: norm.partCount),
        input: value(from).part(part, of: norm.partCount), mean: mean, rstd: rstd)
    }
  }

  /// Mean and reciprocal standard deviation of a norm's rows.
  private func statistics(
    _ norm: NormParameters, _ part: Int, rows: Int
  ) -> (mean: Row<Scalar>, rstd: Row<Scalar>) {
    let start = (norm.statistics + 2 * part) * rows
    return (statistics.slice(start..<start + rows), statistics.slice(start + rows..<start + 2 * rows))
  }

  /// Dropout and its own backward pass.
  private func drop(_ site: Int, _ from: Matrix<Scalar>, into to: Matrix<Scalar>, _ pass: Pass<Scalar>) {
    if let mask = pass.mask(layer: layer, site: site, probability: pass.configuration.dropout) {
      dropout(mask, input: from, into: to, team: pass.team)
    } else {
      scaleForward(factor: 1, input: from, into: to, team: pass.team)
    }
  }

  func attentionMask(_ pass: Pass<Scalar>) -> DropoutMask? {
    pass.mask(layer: layer, site: 0, probability: pass.configuration.attentionDropout)
  }

  /// Parameters that lie back to back, as one.
  func joined<Element>(_ rows: [Row<Element>], _ range: Range<Int>) -> Row<Element> {
    rows[range.lowerBound].extended(to: rows[range.upperBound - 1])
  }
}

extension Matrix {
  /// One of equal parts of the columns.
  fileprivate func part(_ index: Int, of count: Int) -> Matrix {
    let width = width / count
    return count == 1 ? self : columns(index * width..<(index + 1) * width)
  }
}

extension AttentionShape {
  /// The shape of an attention step over a batch.
  init(
    _ parameters: AttentionParameters, _ shape: PassShape, isCausal: Bool, sequences: [SequenceRows]? = nil
  ) {
    self.init(
      batchSize: sequences?.count ?? shape.batchSize, sequenceLength: shape.sequenceLength,
      headCount: parameters.headCount,
      keyValueHeadCount: parameters.keyValueHeadCount, headDim: parameters.headDim, isCausal: isCausal,
      window: parameters.window, scoreScale: parameters.scoreScale, softCap: parameters.softCap,
      sequences: sequences)
  }
}
