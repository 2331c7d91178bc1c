/// `output = gain ∘ tanh(a input) + bias`, DyT in a norm's place (Zhu et al. 2025, arXiv 2503.10622).
///
/// - Parameters:
///   - input, output: `(rows, width)`.
///   - slope: `(1)`, the learned scalar a.
///   - gain, bias: `(width)`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func dynamicTanhForward<Scalar: KernelScalar>(
  input: Matrix<Scalar>, slope: Row<Scalar>, gain: Row<Scalar>, bias: Row<Scalar>,
  into output: Matrix<Scalar>, team: Team
) {
  precondition(input.hasShape(of: output) && slope.count == 1 && gain.count == input.width)
  let slope = slope[0]
  team.split(input.rows, grain: rowGrain(input.width * 4)) { rows, _ in
    for row in rows {
      let x = input[row]
      let y = output[row]
      forEachLanes(of: Scalar.self, in: 0..<x.count) { index, count in
        let tangent = Scalar.tanh(x.lanes(index, count) * slope)
        y.store(tangent * gain.lanes(index, count) + bias.lanes(index, count), index, count)
      }
    }
  }
}

/// The gradients of ``dynamicTanhForward``.
///
/// With t = tanh(a x) and h = dY ∘ gain ∘ (1 - t²): `dX (+)= a h`, `da (+)= Σ h ∘ x`, `dGain (+)= Σ_rows dY ∘ t`,
/// `dBias (+)= Σ_rows dY`. `inputGradient` may be the same memory as `outputGradient` where it does not accumulate.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func dynamicTanhBackward<Scalar: KernelScalar>(
  outputGradient: Matrix<Scalar>, input: Matrix<Scalar>, slope: Row<Scalar>, gain: Row<Scalar>,
  slopeGradient: Row<Scalar>, gainGradient: Row<Scalar>, biasGradient: Row<Scalar>, accumulating: Bool,
  inputGradient: Matrix<Scalar>, accumulatingInput: Bool, team: Team, workspace: Workspace<Scalar>
) {
  precondition(input.hasShape(of: outputGradient) && input.hasShape(of: inputGradient))
  let width = input.width
  let a = slope[0]
  reduceRows(
    input.rows, into: [gainGradient, biasGradient, slopeGradient], accumulating: accumulating, team: team,
    workspace: workspace
  ) { rows, partial in
    for row in rows {
      let dY = outputGradient[row]
      let x = input[row]
      let dX = inputGradient[row]
      var slopeSum = Scalar.Lanes()
      forEachLanes(of: Scalar.self, in: 0..<width) { index, count in
        let upstream = dY.lanes(index, count)
        let tangent = Scalar.tanh(x.lanes(index, count) * a)
        let inner = upstream * gain.lanes(index, count) * (1 - tangent * tangent)
        slopeSum += inner * x.lanes(index, count)
        partial.store(partial.lanes(index, count) + upstream * tangent, index, count)
        partial.store(partial.lanes(width + index, count) + upstream, width + index, count)
        dX.store(inner * a, index, count, accumulating: accumulatingInput)
      }
      partial[2 * width] += slopeSum.sum()
    }
  }
}
