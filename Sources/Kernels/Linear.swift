import Architecture

/// `output = input * weightᵀ + bias`.
///
/// - Parameters:
///   - input: `(rows, inputWidth)`.
///   - weight: `(outputWidth, inputWidth)`.
///   - bias: `(outputWidth)`, or nil.
///   - output: `(rows, outputWidth)`, overwritten.
///   - precision: what the output is rounded to.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
@specialized(where Scalar == BFloat16)
public func linearForward<Scalar: FactorScalar>(
  input: Matrix<Scalar>, weight: Matrix<Scalar>, bias: Row<Scalar.Sum>?, into output: Matrix<Scalar.Sum>,
  precision: Precision = .fp32, team: Team
) {
  precondition(bias.map { $0.count == output.width } ?? true, "bias of another width")
  // What is rounded anew is to be in the cache still; float32 is left as its recorded runs have it.
  let blockWidth = precision == .fp32 ? .max : max(16, finishedElements / max(1, output.rows) / 16 * 16)
  product(input.factor, weight.transposed, into: output, blockWidth: blockWidth, team: team) {
    part, firstColumn in
    let partBias = bias?.slice(firstColumn..<firstColumn + part.width)
    guard partBias != nil || precision != .fp32 else { return }
    for row in 0..<part.rows {
      if let partBias { add(partBias, to: part[row]) }
      part[row].round(to: precision)
    }
  }
}

/// Elements of an output that are computed, and then rounded, at a time.
private let finishedElements = 1 << 20

/// The gradients of ``linearForward`` but for the bias's, which ``biasBackward(outputGradient:into:accumulating:team:)`` has.
///
/// `inputGradient (+)= outputGradient * weight`, `weightGradient (+)= outputGradientᵀ * input`; the weight's accumulates where
/// `accumulating`, the input's where `accumulatingInput`.
///
/// - Parameter precision: what the weight's gradient is rounded to.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
@specialized(where Scalar == BFloat16)
public func linearBackward<Scalar: FactorScalar>(
  outputGradient: Matrix<Scalar>, input: Matrix<Scalar>, weight: Matrix<Scalar>,
  weightGradient: Matrix<Scalar.Sum>, accumulating: Bool, inputGradient: Matrix<Scalar.Sum>?,
  accumulatingInput: Bool, precision: Precision = .fp32, team: Team
) {
  if let inputGradient {
    product(
      outputGradient.factor, weight.factor, beta: accumulatingInput ? 1 : 0, into: inputGradient, team: team)
  }
  product(
    outputGradient.transposed, input.factor, beta: accumulating ? 1 : 0, into: weightGradient, team: team
  ) { part, _ in
    guard precision != .fp32 else { return }
    for row in 0..<part.rows { part[row].round(to: precision) }
  }
}

/// The gradient of a bias: `biasGradient[j] (+)= Σ_rows outputGradient[row, j]`; threads take columns, so the order of additions never
/// changes.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func biasBackward<Scalar: KernelScalar>(
  outputGradient: Matrix<Scalar>, into biasGradient: Row<Scalar>, accumulating: Bool, team: Team
) {
  precondition(biasGradient.count == outputGradient.width, "sums of another width")
  let laneCount = Row<Scalar>.laneCount
  team.split(
    outputGradient.width, grain: max(laneCount, 1 << 14 / max(1, outputGradient.rows)), multiple: laneCount
  ) { range, _ in
    forEachLanes(of: Scalar.self, in: range) { index, count in
      var sum = accumulating ? biasGradient.lanes(index, count) : Scalar.Lanes()
      for row in 0..<outputGradient.rows { sum += outputGradient[row].lanes(index, count) }
      biasGradient.store(sum, index, count)
    }
  }
}

/// `target += values`, element by element.
@inline(__always)
func add<Scalar: KernelScalar>(_ values: Row<Scalar>, to target: Row<Scalar>) {
  forEachLanes(of: Scalar.self, in: 0..<target.count) { index, count in
    target.store(target.lanes(index, count) + values.lanes(index, count), index, count)
  }
}
