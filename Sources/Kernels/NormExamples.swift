/// A norm's rows as its backward pass reads them: one of the parts that it normalises by themselves.
public struct NormRows<Scalar: KernelScalar> {
  let outputGradient: Matrix<Scalar>
  let input: Matrix<Scalar>
  let mean: Row<Scalar>
  let rstd: Row<Scalar>

  /// - Parameters:
  ///   - outputGradient, input: `(rows, width)`.
  ///   - mean, rstd: `(rows)`, as ``normForward`` left them.
  public init(outputGradient: Matrix<Scalar>, input: Matrix<Scalar>, mean: Row<Scalar>, rstd: Row<Scalar>) {
    precondition(input.hasShape(of: outputGradient) && mean.count >= input.rows && rstd.count >= input.rows)
    self.outputGradient = outputGradient
    self.input = input
    self.mean = mean
    self.rstd = rstd
  }
}

/// The squared gradients that each sequence alone gives a norm: `|Σ_rows dY ∘ x̂|²`, and with a bias `+ |Σ_rows dY|²`.
///
/// What ``normBackward`` adds up over all rows, here by sequence; to be called before it, for it may write its input's gradient over the
/// output's. Gray et al., "Normalization Layer Per-Example Gradients are Sufficient to Predict Gradient Noise Scale in Transformers"
/// (arXiv 2411.00999).
///
/// - Parameters:
///   - parts: the parts of the rows that share the gain (the heads of a QK-norm), or one.
///   - hasBias: whether the norm has a bias.
///   - squares: one for each sequence, all of equal lengths, overwritten.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func normExampleSquares<Scalar: KernelScalar>(
  of parts: [NormRows<Scalar>], hasBias: Bool, into squares: Row<Double>, team: Team,
  workspace: Workspace<Scalar>
) {
  guard let rows = parts.first?.input.rows, let width = parts.first?.input.width else { return }
  precondition(rows % squares.count == 0, "\(rows) rows are no \(squares.count) equal sequences")
  let sumCount = hasBias ? 2 * width : width
  precondition(sumCount <= workspace.capacity, "workspace of \(workspace.capacity) for sums of \(sumCount)")
  let length = rows / squares.count
  let zero = Scalar.Lanes()
  team.forEach(taskCount: squares.count) { sequence, thread in
    let sums = workspace.row(thread: thread).slice(0..<sumCount)
    forEachLanes(of: Scalar.self, in: 0..<sumCount) { sums.store(zero, $0, $1) }
    for part in parts {
      for row in sequence * length..<(sequence + 1) * length {
        let (dY, x) = (part.outputGradient[row], part.input[row])
        let (center, scale) = (part.mean[row], part.rstd[row])
        forEachLanes(of: Scalar.self, in: 0..<width) { index, count in
          let upstream = dY.lanes(index, count)
          let normalized = (x.lanes(index, count) - center) * scale
          sums.store(sums.lanes(index, count) + upstream * normalized, index, count)
          if hasBias {
            sums.store(sums.lanes(width + index, count) + upstream, width + index, count)
          }
        }
      }
    }
    var total = 0.0
    for index in 0..<sumCount { total += Double(sums[index]) * Double(sums[index]) }
    squares[sequence] = total
  }
}
