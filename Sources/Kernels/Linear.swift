/// `output = input * weightᵀ + bias`.
///
/// - Parameters:
///   - input: `(rows, inputWidth)`.
///   - weight: `(outputWidth, inputWidth)`.
///   - bias: `(outputWidth)`, or nil.
///   - output: `(rows, outputWidth)`, overwritten.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func linearForward<Scalar: KernelScalar>(
  input: Matrix<Scalar>, weight: Matrix<Scalar>, bias: Row<Scalar>?, into output: Matrix<Scalar>, team: Team
) {
  precondition(bias.map { $0.count == output.width } ?? true, "bias of another width")
  product(input.factor, weight.transposed, into: output, team: team) { part, firstColumn in
    guard let partBias = bias?.slice(firstColumn..<firstColumn + part.width) else { return }
    for row in 0..<part.rows { add(partBias, to: part[row]) }
  }
}

/// The gradients of ``linearForward``.
///
/// `inputGradient (+)= outputGradient * weight`, `weightGradient (+)= outputGradientᵀ * input`,
/// `biasGradient (+)= Σ_rows outputGradient`; parameters accumulate where `accumulating`, the input's gradient where
/// `accumulatingInput`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func linearBackward<Scalar: KernelScalar>(
  outputGradient: Matrix<Scalar>, input: Matrix<Scalar>, weight: Matrix<Scalar>,
  weightGradient: Matrix<Scalar>, biasGradient: Row<Scalar>?, accumulating: Bool,
  inputGradient: Matrix<Scalar>?, accumulatingInput: Bool, team: Team
) {
  if let inputGradient {
    product(
      outputGradient.factor, weight.factor, beta: accumulatingInput ? 1 : 0, into: inputGradient, team: team)
  }
  product(
    outputGradient.transposed, input.factor, beta: accumulating ? 1 : 0, into: weightGradient, team: team)
  if let biasGradient {
    sumRows(outputGradient, into: biasGradient, accumulating: accumulating, team: team)
  }
}

/// `output[j] (+)= Σ_rows input[row, j]`; threads take columns, so the order of additions never changes.
func sumRows<Scalar: KernelScalar>(
  _ input: Matrix<Scalar>, into output: Row<Scalar>, accumulating: Bool, team: Team
) {
  precondition(output.count == input.width, "sums of another width")
  let laneCount = Row<Scalar>.laneCount
  team.split(input.width, grain: max(laneCount, 1 << 14 / max(1, input.rows)), multiple: laneCount) {
    range, _ in
    forEachLanes(of: Scalar.self, in: range) { index, count in
      var sum = accumulating ? output.lanes(index, count) : Scalar.Lanes()
      for row in 0..<input.rows { sum += input[row].lanes(index, count) }
      output.store(sum, index, count)
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
