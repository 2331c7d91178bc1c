import Architecture

extension HeadScaleKind {
  /// Where element `j` of chunk `h` goes.
  @inline(__always)
  func target(head: Int, element: Int, headCount: Int, headDim: Int) -> Int {
    self == .chunks ? head * headDim + element : element * headCount + head
  }
}

/// Multiplies each head's chunk of a row by that head's γ (the paper's HeadScale).
///
/// - Parameters: `input`, `output`: `(rows, heads * headDim)`, not the same memory; `scale`: `(heads)`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func headScaleForward<Scalar: KernelScalar>(
  _ kind: HeadScaleKind, input: Matrix<Scalar>, scale: Row<Scalar>, into output: Matrix<Scalar>, team: Team
) {
  precondition(input.hasShape(of: output) && input.width % scale.count == 0)
  let headCount = scale.count
  let headDim = input.width / headCount
  team.split(input.rows, grain: rowGrain(input.width)) { rows, _ in
    for row in rows {
      let x = input[row]
      let y = output[row]
      // Chunks of one element: LayerScale.
      if headDim == 1 {
        forEachLanes(of: Scalar.self, in: 0..<headCount) { index, count in
          y.store(x.lanes(index, count) * scale.lanes(index, count), index, count)
        }
        continue
      }
      for head in 0..<headCount {
        let gamma = scale[head]
        if kind == .chunks {
          forEachLanes(of: Scalar.self, in: head * headDim..<(head + 1) * headDim) { index, count in
            y.store(x.lanes(index, count) * gamma, index, count)
          }
        } else {
          for element in 0..<headDim {
            let target = kind.target(head: head, element: element, headCount: headCount, headDim: headDim)
            y[target] = gamma * x[head * headDim + element]
          }
        }
      }
    }
  }
}

/// The gradients of ``headScaleForward``: `dX = γ_h dY`, `dγ_h (+)= Σ_rows Σ_chunk dY X`. Overwrites `inputGradient`,
/// or, of chunks, adds to it.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func headScaleBackward<Scalar: KernelScalar>(
  _ kind: HeadScaleKind, outputGradient: Matrix<Scalar>, input: Matrix<Scalar>, scale: Row<Scalar>,
  scaleGradient: Row<Scalar>, accumulating: Bool, into inputGradient: Matrix<Scalar>,
  accumulatingInput: Bool = false, team: Team, workspace: Workspace<Scalar>
) {
  precondition(input.hasShape(of: outputGradient) && input.hasShape(of: inputGradient))
  precondition(kind == .chunks || !accumulatingInput, "exchanged chunks are not added")
  let headCount = scale.count
  let headDim = input.width / headCount
  reduceRows(
    input.rows, into: [scaleGradient], accumulating: accumulating, team: team, workspace: workspace
  ) { rows, partial in
    for row in rows {
      let x = input[row]
      let dY = outputGradient[row]
      let dX = inputGradient[row]
      if headDim == 1 {
        forEachLanes(of: Scalar.self, in: 0..<headCount) { index, count in
          let upstream = dY.lanes(index, count)
          partial.store(partial.lanes(index, count) + upstream * x.lanes(index, count), index, count)
          dX.store(
            upstream * scale.lanes(index, count), index, count, accumulating: accumulatingInput)
        }
        continue
      }
      for head in 0..<headCount {
        let gamma = scale[head]
        var sum: Scalar = 0
        if kind == .chunks {
          var lanes = Scalar.Lanes()
          forEachLanes(of: Scalar.self, in: head * headDim..<(head + 1) * headDim) { index, count in
            let upstream = dY.lanes(index, count)
            lanes += upstream * x.lanes(index, count)
            dX.store(upstream * gamma, index, count, accumulating: accumulatingInput)
          }
          sum = lanes.sum()
        } else {
          for element in 0..<headDim {
            let target = kind.target(head: head, element: element, headCount: headCount, headDim: headDim)
            sum += dY[target] * x[head * headDim + element]
            dX[head * headDim + element] = dY[target] * gamma
          }
        }
        partial[head] += sum
      }
    }
  }
}
