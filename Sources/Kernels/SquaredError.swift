/// Squared errors and their gradients, in place of the outputs: `losses[r] = (output[r] - target[r])²`, then
/// `output[r] = 2 gradientScale (output[r] - target[r])`.
///
/// - Parameters:
///   - outputs: `(rows, 1)`; overwritten where `gradientScale` is not nil.
///   - targets: `(rows)`.
///   - losses: `(rows)`, in float64.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func squaredError<Scalar: KernelScalar>(
  outputs: Matrix<Scalar>, targets: Row<Scalar>, gradientScale: Scalar?, losses: Row<Double>
) {
  precondition(outputs.width == 1 && targets.count == outputs.rows && losses.count == outputs.rows)
  for row in 0..<outputs.rows {
    let error = outputs[row][0] - targets[row]
    losses[row] = Double(error) * Double(error)
    if let gradientScale { outputs[row][0] = 2 * gradientScale * error }
  }
}
