/// `output = scale ∘ residual + branch`, the residual connection; `scale` nil is plain addition, and
/// `residualFactor` a constant in front of the residual.
///
/// - Parameters: `residual`, `branch`, `output`: `(rows, width)`; `scale`: `(width)`, the paper's λ.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func addForward<Scalar: KernelScalar>(
  residual: Matrix<Scalar>, scale: Row<Scalar>?, branch: Matrix<Scalar>, into output: Matrix<Scalar>,
  team: Team
) {
  precondition(residual.hasShape(of: output) && branch.hasShape(of: output))
  team.split(output.rows, grain: rowGrain(output.width)) { rows, _ in
    for row in rows {
      let x = residual[row]
      let f = branch[row]
      let y = output[row]
      forEachLanes(of: Scalar.self, in: 0..<output.width) { index, count in
        let kept = x.lanes(index, count)
        let scaled = scale.map { kept * $0.lanes(index, count) } ?? kept
        y.store(scaled + f.lanes(index, count), index, count)
      }
    }
  }
}

/// The gradients of ``addForward``: `dBranch = dY`, `dResidual (+)= scale ∘ dY`, `dScale (+)= Σ_rows dY ∘ residual`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func addBackward<Scalar: KernelScalar>(
  outputGradient: Matrix<Scalar>, residual: Matrix<Scalar>, scale: Row<Scalar>?, scaleGradient: Row<Scalar>?,
  accumulating: Bool, branchGradient: Matrix<Scalar>, residualGradient: Matrix<Scalar>,
  accumulatingResidual: Bool, team: Team, workspace: Workspace<Scalar>
) {
  precondition(outputGradient.hasShape(of: branchGradient) && outputGradient.hasShape(of: residualGradient))
  let width = outputGradient.width
  reduceRows(
    outputGradient.rows, into: scaleGradient.map { [$0] } ?? [], accumulating: accumulating, team: team,
    workspace: workspace
  ) { rows, partial in
    for row in rows {
      let dY = outputGradient[row]
      let x = residual[row]
      let dBranch = branchGradient[row]
      let dResidual = residualGradient[row]
      forEachLanes(of: Scalar.self, in: 0..<width) { index, count in
        let upstream = dY.lanes(index, count)
        dBranch.store(upstream, index, count)
        let kept = scale.map { upstream * $0.lanes(index, count) } ?? upstream
        dResidual.store(kept, index, count, accumulating: accumulatingResidual)
        if scale != nil {
          partial.store(partial.lanes(index, count) + upstream * x.lanes(index, count), index, count)
        }
      }
    }
  }
}

/// `output = factor * input`, a constant in front of a branch or a residual.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func scaleForward<Scalar: KernelScalar>(
  factor: Scalar, input: Matrix<Scalar>, into output: Matrix<Scalar>, accumulating: Bool = false, team: Team
) {
  precondition(input.hasShape(of: output))
  team.split(output.rows, grain: rowGrain(output.width)) { rows, _ in
    for row in rows {
      let x = input[row]
      let y = output[row]
      forEachLanes(of: Scalar.self, in: 0..<output.width) { index, count in
        y.store(x.lanes(index, count) * factor, index, count, accumulating: accumulating)
      }
    }
  }
}

/// The gradient of ``scaleForward``: `dX (+)= factor dY`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func scaleBackward<Scalar: KernelScalar>(
  factor: Scalar, outputGradient: Matrix<Scalar>, inputGradient: Matrix<Scalar>, accumulatingInput: Bool,
  team: Team
) {
  scaleForward(
    factor: factor, input: outputGradient, into: inputGradient, accumulating: accumulatingInput, team: team)
}

/// Copies some rows of a matrix, ascending, over its first ones; the rows after them keep what they hold.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func moveTogether<Scalar: KernelScalar>(_ rows: [Int], of matrix: Matrix<Scalar>) {
  for (place, row) in rows.enumerated() where place < row {
    let (source, destination) = (matrix[row], matrix[place])
    forEachLanes(of: Scalar.self, in: 0..<matrix.width) {
      destination.store(source.lanes($0, $1), $0, $1)
    }
  }
}
