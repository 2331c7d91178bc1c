/// The recorded steps at which a tensor does not train: it is frozen, or no loss reaches it (a layer that is skipped, an expert
/// without a token). It has no gradient there, which is not a gradient of zero.
public struct TrainingGaps: Hashable, Sendable {
  /// First and last recorded step of each stretch without a gradient, ascending.
  public private(set) var stretches: [ClosedRange<Int>] = []
  /// Recorded steps in ``stretches``.
  public private(set) var stepCount = 0
  /// All recorded steps.
  public private(set) var recordCount = 0
  /// Whether the tensor does not train at the first recorded step.
  public private(set) var beginsUntrained = false
  /// Whether it does not at the last one.
  public private(set) var endsUntrained = false

  /// A tensor that has trained at every one of some recorded steps; by default nothing is recorded yet.
  public init(trainedRecords: Int = 0) { recordCount = trainedRecords }

  /// The gaps of a tensor.
  /// - Precondition: `steps` ascend, and `isTrained` has as many values.
  public init(steps: [Int], isTrained: [Bool]) {
    precondition(steps.count == isTrained.count, "\(isTrained.count) values for \(steps.count) steps")
    for (step, isTrained) in zip(steps, isTrained) { append(step: step, isTrained: isTrained) }
  }

  /// Adds the next recorded step.
  public mutating func append(step: Int, isTrained: Bool) {
    if !isTrained {
      if recordCount == 0 { beginsUntrained = true }
      if endsUntrained, let last = stretches.popLast() {
        stretches.append(last.lowerBound...step)
      } else {
        stretches.append(step...step)
      }
      stepCount += 1
    }
    endsUntrained = !isTrained
    recordCount += 1
  }

  /// Whether the tensor trains at every recorded step.
  public var isEmpty: Bool { stepCount == 0 }

  /// Whether there are too many stretches to name each.
  public var isScattered: Bool { stretches.count > Self.mostStretches }

  /// Whether it trains at none.
  public var isEverything: Bool { stepCount == recordCount && recordCount > 0 }
}

extension TrainingGaps: CustomStringConvertible {
  /// More stretches are counted rather than listed.
  private static let mostStretches = 3

  /// `not trained from step 5 to 9`, `not trained from step 5 on`, `not trained at 12 of 60 recorded steps`.
  public var description: String {
    if isEmpty { return "trained at every recorded step" }
    if isEverything { return "not trained at any recorded step" }
    guard !isScattered else {
      return "not trained at \(stepCount) of \(recordCount) recorded steps"
    }
    let parts = stretches.enumerated().map { index, stretch in
      if index == 0, beginsUntrained { return "up to step \(stretch.upperBound)" }
      if index == stretches.count - 1, endsUntrained { return "from step \(stretch.lowerBound) on" }
      return stretch.count == 1
        ? "at step \(stretch.lowerBound)" : "from step \(stretch.lowerBound) to \(stretch.upperBound)"
    }
    return "not trained \(parts.joined(separator: ", "))"
  }
}
