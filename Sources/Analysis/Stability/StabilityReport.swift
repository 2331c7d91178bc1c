import RunData
import Statistics

/// How high the learning rate rose in groups of runs before training destabilised: the paper's Table 4.
public struct StabilityReport: Sendable {
  /// Runs that differ only in their seed.
  public struct Entry: Sendable {
    /// The runs.
    public let group: RunGroup
    /// How each ended, by ascending seed.
    public let outcomes: [StabilityOutcome]

    /// The median over seeds of the rate of the last update; a lower bound where some runs did not fail.
    public var medianPeakRate: Double { median(outcomes.map(\.peakRate)) }

    /// The median over seeds of the updates made.
    public var medianUpdates: Double { median(outcomes.map { Double($0.updates) }) }
  }

  /// The groups.
  public let entries: [Entry]

  /// Reads the ends of some runs.
  /// - Throws: where there are none, one is given twice, or one lacks what is needed.
  public init(runs: [RecordedRun]) throws(AnalysisError) {
    try self.init(groups: RunGroup.groups(of: runs, allowsMixedContracts: true))
  }

  /// Reads the ends of groups of runs, under their own labels.
  /// - Throws: where a run lacks what is needed.
  init(groups: [RunGroup]) throws(AnalysisError) {
    var entries: [Entry] = []
    for group in groups {
      var outcomes: [StabilityOutcome] = []
      for run in group.runs { outcomes.append(try StabilityOutcome(run)) }
      entries.append(Entry(group: group, outcomes: outcomes))
    }
    self.entries = entries
  }

  var outcomes: [StabilityOutcome] { entries.flatMap(\.outcomes) }
}
