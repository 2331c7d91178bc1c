import Architecture

/// Normalises each row, then scales and shifts it.
///
/// `output[r, i] = (input[r, i] - mean[r]) * rstd[r] * gain[i] + bias[i]` with
/// `rstd = 1 / sqrt(mean((input - mean)²) + epsilon)`; ``NormKind/rms`` has mean 0 and no bias.
///
/// - Parameters:
///   - input: `(rows, width)`.
///   - gain, bias: `(width)`; bias nil for ``NormKind/rms``.
///   - output: `(rows, width)`, overwritten.
///   - mean, rstd: `(rows)`, written here and read by ``normBackward``.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func normForward<Scalar: KernelScalar>(
  _ kind: NormKind, epsilon: Scalar, input: Matrix<Scalar>, gain: Row<Scalar>, gainOffset: Scalar = 0,
  bias: Row<Scalar>?, into output: Matrix<Scalar>, mean: Row<Scalar>, rstd: Row<Scalar>, team: Team
) {
  precondition(input.hasShape(of: output) && gain.count == input.width && mean.count >= input.rows)
  let width = input.width
  team.split(input.rows, grain: rowGrain(width)) { rows, _ in
    for row in rows {
      let x = input[row]
      let y = output[row]
      let center = kind == .layer ? x.sum / Scalar(width) : 0
      let scale = 1 / (x.sumOfSquares(around: center) / Scalar(width) + epsilon).squareRoot()
      mean[row] = center
      rstd[row] = scale
      forEachLanes(of: Scalar.self, in: 0..<width) { index, count in
        let normalized = (x.lanes(index, count) - center) * scale
        let scaled = normalized * (gain.lanes(index, count) + gainOffset)
        y.store(bias.map { scaled + $0.lanes(index, count) } ?? scaled, index, count)
      }
    }
  }
}

/// The gradients of ``normForward``.
///
/// With x̂ the normalised row and g = dY ∘ gain: `dX = rstd (g - mean(g) - x̂ mean(g x̂))`, without `mean(g)` for
/// ``NormKind/rms``; `dGain = Σ_rows dY ∘ x̂`; `dBias = Σ_rows dY`.
///
/// The input's gradient accumulates where `accumulatingInput`, the parameters' where `accumulating`. `inputGradient`
/// may be the same memory as `outputGradient` where it does not accumulate.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func normBackward<Scalar: KernelScalar>(
  _ kind: NormKind, outputGradient: Matrix<Scalar>, input: Matrix<Scalar>, gain: Row<Scalar>,
  gainOffset: Scalar = 0, mean: Row<Scalar>, rstd: Row<Scalar>, gainGradient: Row<Scalar>,
  biasGradient: Row<Scalar>?,
  accumulating: Bool, inputGradient: Matrix<Scalar>, accumulatingInput: Bool, team: Team,
  workspace: Workspace<Scalar>
) {
  precondition(input.hasShape(of: outputGradient) && input.hasShape(of: inputGradient))
  let width = input.width
  let inverseWidth = 1 / Scalar(width)
  let outputs = [gainGradient] + (biasGradient.map { [$0] } ?? [])
  reduceRows(input.rows, into: outputs, accumulating: accumulating, team: team, workspace: workspace) {
    rows, partial in
    for row in rows {
      let dY = outputGradient[row]
      let x = input[row]
      let dX = inputGradient[row]
      let center = mean[row]
      let scale = rstd[row]
      var sum = Scalar.Lanes()
      var productSum = Scalar.Lanes()
      forEachLanes(of: Scalar.self, in: 0..<width) { index, count in
        let upstream = dY.lanes(index, count)
        let g = upstream * (gain.lanes(index, count) + gainOffset)
        let normalized = (x.lanes(index, count) - center) * scale
        sum += g
        productSum += g * normalized
        partial.store(partial.lanes(index, count) + upstream * normalized, index, count)
        if biasGradient != nil {
          partial.store(partial.lanes(width + index, count) + upstream, width + index, count)
        }
      }
      let meanOfG = kind == .layer ? sum.sum() * inverseWidth : 0
      let meanOfProduct = productSum.sum() * inverseWidth
      forEachLanes(of: Scalar.self, in: 0..<width) { index, count in
        let g = dY.lanes(index, count) * (gain.lanes(index, count) + gainOffset)
        // Lanes past the row's end are not stored, so their x̂ of padding zeros does no harm.
        let normalized = (x.lanes(index, count) - center) * scale
        dX.store(
          (g - meanOfG - normalized * meanOfProduct) * scale, index, count, accumulating: accumulatingInput)
      }
    }
  }
}

/// Rows worth a thread of their own.
func rowGrain(_ width: Int) -> Int { max(1, (1 << 13) / max(1, width)) }

extension Row where Scalar: KernelScalar {
  @inline(__always) var sum: Scalar {
    var sum = Scalar.Lanes()
    forEachLanes(of: Scalar.self, in: 0..<count) { sum += lanes($0, $1) }
    return sum.sum()
  }

  @inline(__always)
  func sumOfSquares(around center: Scalar) -> Scalar {
    var sum = Scalar.Lanes()
    forEachLanes(of: Scalar.self, in: 0..<count) { index, count in
      // Padding lanes hold -center, which is no part of the row.
      let deviation = Scalar.keeping(lanes(index, count) - center, first: count, else: 0)
      sum += deviation * deviation
    }
    return sum.sum()
  }
}
