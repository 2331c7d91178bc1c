/// `output[i] = input[rows[i]]`: some rows of a matrix, in any order.
///
/// - Parameters: `input`: `(rows of the matrix, width)`; `output`: `(rows.count, width)`, overwritten.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func chooseRowsForward<Scalar: KernelScalar>(
  _ rows: [Int], of input: Matrix<Scalar>, into output: Matrix<Scalar>
) {
  precondition(output.rows == rows.count && output.width == input.width)
  for (place, row) in rows.enumerated() {
    let (source, destination) = (input[row], output[place])
    forEachLanes(of: Scalar.self, in: 0..<input.width) {
      destination.store(source.lanes($0, $1), $0, $1)
    }
  }
}

/// The gradient of ``chooseRowsForward(_:of:into:)``: that of a chosen row where it was, 0 in all others.
///
/// - Parameters: `outputGradient`: `(rows.count, width)`; `inputGradient`: `(rows of the matrix, width)`, overwritten.
/// - Precondition: no row was chosen twice.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func chooseRowsBackward<Scalar: KernelScalar>(
  _ rows: [Int], outputGradient: Matrix<Scalar>, into inputGradient: Matrix<Scalar>, team: Team
) {
  precondition(outputGradient.rows == rows.count && outputGradient.width == inputGradient.width)
  team.split(inputGradient.rows, grain: rowGrain(inputGradient.width)) { range, _ in
    for row in range { inputGradient[row].fill(0) }
  }
  for (place, row) in rows.enumerated() {
    let (source, destination) = (outputGradient[place], inputGradient[row])
    forEachLanes(of: Scalar.self, in: 0..<inputGradient.width) {
      destination.store(source.lanes($0, $1), $0, $1)
    }
  }
}
