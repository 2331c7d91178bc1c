import RunData
import Statistics

/// What a ratio of gradients is divided by, so that runs whose losses differ can be compared.
public enum RatioNormalizer: String, Sendable, CaseIterable {
  /// Nothing: the gradients as they are.
  case none
  /// Each run's mean training loss over the window.
  case loss
  /// Each run's own statistic over all gradients of its layers together, so that only the shares are compared.
  case total
}

/// The gradients of one run, or group of seeds, over those of another: operation by operation, layer by layer.
///
/// The ratio is that of the window's means; over several seeds the geometric mean of the seeds' ratios. Intervals, as
/// those of ``Mismatch``, run over seeds where there are three or more pairs, else over steps. Runs of one seed see the
/// same batches, so records are paired by step: what both runs have in common cancels.
public struct GradientRatio: Sendable {
  /// One operation in one layer.
  public struct Cell: Sendable {
    /// The layer.
    public var layer: Int
    /// The operation, e.g. `fc2.weight`.
    public var operation: String
    /// The base's mean statistic over the window, geometric over seeds, before any normalisation.
    public var baseMean: Double
    /// The other side's.
    public var mean: Double
    /// Their ratio, normalised.
    public var ratio: Estimate
    /// Where the interval comes from.
    public var method: IntervalMethod
  }

  /// What the ratio is to.
  public let base: RunGroup
  /// What it is of.
  public let other: RunGroup
  /// What is shown of each gradient.
  public let statistic: GradientStatistic
  /// What the ratio is divided by.
  public let normalizer: RatioNormalizer
  /// The steps that the means run over.
  public let window: StepWindow
  /// Operations that both sides have, in the base's order.
  public let operations: [String]
  /// Layers of both sides.
  public let layerCount: Int
  /// Every operation of every layer that both sides have.
  public let cells: [Cell]
  /// What a reader has to know beside the numbers.
  public let caveats: [String]

  /// The cell of an operation and layer; nil where either side lacks it, or its gradient is zero by construction.
  public func cell(_ operation: String, layer: Int) -> Cell? {
    cells.first { $0.operation == operation && $0.layer == layer }
  }

  /// Compares two groups of runs.
  ///
  /// - Parameters:
  ///   - runs: of exactly two groups (see ``RunGroup``), read with every operation; the first run's group is the base.
  ///   - window: nil for the paper's steps 950 to 999 where both have them, else the second half.
  /// - Throws: ``AnalysisError`` where there are not two groups, depths differ, or the window is empty on a side.
  public init(
    runs: [RecordedRun], statistic: GradientStatistic = .l1, window: StepWindow? = nil,
    normalizer: RatioNormalizer = .none, allowsMixedContracts: Bool = false
  ) throws(AnalysisError) {
    let groups = try RunGroup.groups(of: runs, allowsMixedContracts: allowsMixedContracts)
    guard groups.count == 2, let first = runs.first else {
      throw .notTwoGroups(labels: groups.map(\.label))
    }
    let isFirstBase = groups[0].runs.contains { $0.manifest.runID == first.manifest.runID }
    try self.init(
      base: isFirstBase ? groups[0] : groups[1], other: isFirstBase ? groups[1] : groups[0],
      statistic: statistic, window: window ?? Self.defaultWindow(runs), normalizer: normalizer)
  }

  /// Compares a group with a base.
  ///
  /// - Throws: ``AnalysisError`` where depths differ, or the window is empty on a side.
  init(
    base: RunGroup, other: RunGroup, statistic: GradientStatistic = .l1, window: StepWindow,
    normalizer: RatioNormalizer = .none
  ) throws(AnalysisError) {
    let layouts = [base, other].map(\.manifest.gradients)
    for group in [base, other] { try group.require(statistic) }
    guard layouts[0].layerCount == layouts[1].layerCount else {
      throw .unequalDepths(labels: [base.label, other.label], depths: layouts.map(\.layerCount))
    }
    self.base = base
    self.other = other
    self.statistic = statistic
    self.normalizer = normalizer
    self.window = window
    layerCount = layouts[0].layerCount
    operations = layouts[0].tensorNames.filter(layouts[1].tensorNames.contains)
    var pairs = try RatioPairs(base, other, statistic: statistic, normalizer: normalizer, window: window)
    cells = pairs.cells(of: operations, layerCount: layerCount)
    var caveats = pairs.caveats
    let left = Set(layouts.flatMap(\.tensorNames)).subtracting(operations).sorted()
    if !left.isEmpty { caveats.append("on one side only: \(left.joined(separator: ", "))") }
    if !pairs.untrained.isEmpty {
      caveats.append(
        "not trained at some steps of the window, which are left out, or at any: "
          + Self.untrainedText(pairs.untrained, of: operations.count))
    }
    self.caveats = caveats
  }

  /// `layers 0, 2` where all operations have the same ones, else `fc1.weight, fc2.weight in layer 0; w_resid in layers 0-3`.
  private static func untrainedText(
    _ untrained: [(operation: String, layers: [Int])], of operationCount: Int
  ) -> String {
    var groups: [(operations: [String], layers: [Int])] = []
    for (operation, layers) in untrained {
      if let index = groups.firstIndex(where: { $0.layers == layers }) {
        groups[index].operations.append(operation)
      } else {
        groups.append(([operation], layers))
      }
    }
    if groups.count == 1, groups[0].operations.count == operationCount { return layerList(groups[0].layers) }
    return groups.map { "\($0.operations.joined(separator: ", ")) in \(layerList($0.layers))" }
      .joined(separator: "; ")
  }

  /// The paper's steps 950 to 999 where all have them, else the second half.
  static func defaultWindow(_ runs: [RecordedRun]) -> StepWindow {
    let paper = StepWindow(lower: 950, upper: 1000)
    let isCovered = runs.allSatisfy { run in
      run.steps.first ?? .max <= 950 && run.steps.last ?? 0 >= 999 && !paper.indices(in: run.steps).isEmpty
    }
    return isCovered ? paper : .defaultWindow(for: runs.map(\.steps))
  }
}
