import RunData

/// Goes through a run's steps and finds out which tensors train when.
public struct TrainingSurvey {
  /// The variables by step that it looks at, in this order.
  public let variables: [String]
  private let layout: GradientLayout
  private var recordCount = 0
  /// Of tensors that did not train at some step so far: by position among all, those of the layers first.
  private var gaps: [Int: TrainingGaps] = [:]

  /// Looks at no step yet.
  public init(_ layout: GradientLayout) {
    self.layout = layout
    variables =
      ["gradient_nonfinite"] + (layout.stemTensorNames.isEmpty ? [] : ["stem_gradient_nonfinite"])
      + (layout.experts == nil ? [] : ["expert_gradient_nonfinite"])
  }

  /// Adds the next steps.
  /// - Precondition: the block has ``variables``.
  public mutating func add(_ block: StepBlock) {
    precondition(block.values.count == variables.count, "a block of other variables")
    let missing = Double(TensorSums.missingCount)
    for (row, step) in block.steps.enumerated() {
      var first = 0
      for values in block.values {
        let width = values.count / block.steps.count
        for cell in 0..<width {
          let isTrained = values[row * width + cell] != missing
          // Most train at every step, of which nothing is kept.
          if isTrained, gaps.isEmpty || gaps[first + cell] == nil { continue }
          gaps[first + cell, default: TrainingGaps(trainedRecords: recordCount)]
            .append(step: step, isTrained: isTrained)
        }
        first += width
      }
      recordCount += 1
    }
  }

  private var firstExpert: Int { layout.elementCounts.count + layout.stemTensorNames.count }

  /// Experts without a token at any step, by layer.
  public var deadExperts: [DeadExperts] {
    guard let count = layout.experts?.count, recordCount > 0 else { return [] }
    let dead = gaps.filter { $0.key >= firstExpert && $0.value.isEverything }.map { $0.key - firstExpert }
    return Dictionary(grouping: dead.sorted()) { $0 / count }.sorted { $0.key < $1.key }
      .map { DeadExperts(layer: $0, experts: $1.map { $0 % count }) }
  }

  /// What does not train at every step, in the order of the layout.
  public var untrained: [UntrainedTensors] {
    var groups: [UntrainedTensors] = []
    var places: [TrainingGaps: Int] = [:]
    for (position, gaps) in gaps.sorted(by: { $0.key < $1.key }) where position < firstExpert {
      let place = places[gaps] ?? groups.count
      if place == groups.count {
        groups.append(UntrainedTensors(gaps: gaps, cells: [], stemTensors: []))
        places[gaps] = place
      }
      let stem = position - layout.elementCounts.count
      if stem < 0 {
        groups[place].cells.append(position)
      } else {
        groups[place].stemTensors.append(layout.stemTensorNames[stem])
      }
    }
    return groups
  }
}
