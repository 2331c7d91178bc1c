/// Mean squares of weights and of updates over some steps of a run.
public struct ParameterMeans: Equatable, Sendable {
  /// The first and the last of the steps.
  public var steps: ClosedRange<Int>
  /// The mean over the steps of Σw², `(layer, tensor)` as in ``GradientLayout``; not a number where it was not measured.
  public var weightSquares: [Double]
  /// The mean over the steps of Σu², likewise.
  public var updateSquares: [Double]

  /// Creates means.
  public init(steps: ClosedRange<Int>, weightSquares: [Double], updateSquares: [Double]) {
    self.steps = steps
    self.weightSquares = weightSquares
    self.updateSquares = updateSquares
  }
}
