/// Tensors of a run that do not train at every recorded step, and all at the same ones.
public struct UntrainedTensors: Equatable, Sendable {
  /// The steps.
  public var gaps: TrainingGaps
  /// Positions in the grid of the layout, ascending.
  public var cells: [Int]
  /// Full names of those outside the layers.
  public var stemTensors: [String]

  /// Creates a group of tensors.
  public init(gaps: TrainingGaps, cells: [Int], stemTensors: [String]) {
    self.gaps = gaps
    self.cells = cells
    self.stemTensors = stemTensors
  }
}

/// The experts of a layer that get no token at any recorded step.
public struct DeadExperts: Equatable, Sendable {
  /// The layer.
  public var layer: Int
  /// The experts, ascending.
  public var experts: [Int]

  /// Creates a finding.
  public init(layer: Int, experts: [Int]) {
    self.layer = layer
    self.experts = experts
  }
}

extension GradientLayout {
  /// The layout without the tensors that never train: as if their layers did not have them.
  public func trained(_ untrained: [UntrainedTensors]) -> GradientLayout {
    var layout = self
    for group in untrained where group.gaps.isEverything {
      for cell in group.cells { layout.elementCounts[cell] = 0 }
    }
    return layout
  }
}
