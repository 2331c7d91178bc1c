import RunData

/// Goes through a run's last steps and finds how large weights and updates are there.
public struct ParameterSurvey {
  /// The variables by step that it looks at, in this order.
  public static let variables = ["weight_sum_squares", "update_sum_squares"]

  private var weightSquares: [Double]
  private var updateSquares: [Double]
  private var recordCount = 0
  private var steps: ClosedRange<Int>?

  /// Looks at no step yet; nil where a run has not recorded weights and updates.
  public init?(_ manifest: RunManifest) {
    guard manifest.hasWeights, manifest.hasUpdates else { return nil }
    weightSquares = manifest.gradients.elementCounts.map { _ in 0 }
    updateSquares = weightSquares
  }

  /// The steps that are worth a look: the last quarter of those recorded, behind the beginning's large changes.
  public static func window(of steps: [Int]) -> Range<Int>? {
    guard let last = steps.last else { return nil }
    return steps[steps.count - max(1, steps.count / 4)]..<last + 1
  }

  /// Adds the next steps; those at which nothing was measured are left out.
  /// - Precondition: the block has ``variables``.
  public mutating func add(_ block: StepBlock) {
    precondition(block.values.count == Self.variables.count, "a block of other variables")
    let width = weightSquares.count
    for (row, step) in block.steps.enumerated() {
      let cells = row * width..<(row + 1) * width
      let (weights, updates) = (block.values[0][cells], block.values[1][cells])
      guard zip(weights, updates).contains(where: { !$0.isNaN && !$1.isNaN }) else { continue }
      for (cell, (weight, update)) in zip(weights, updates).enumerated() {
        weightSquares[cell] += weight
        updateSquares[cell] += update
      }
      recordCount += 1
      steps = (steps?.lowerBound ?? step)...step
    }
  }

  /// The means over all steps that were added; nil where nothing was measured.
  public var means: ParameterMeans? {
    steps.map { steps in
      ParameterMeans(
        steps: steps, weightSquares: weightSquares.map { $0 / Double(recordCount) },
        updateSquares: updateSquares.map { $0 / Double(recordCount) })
    }
  }
}
