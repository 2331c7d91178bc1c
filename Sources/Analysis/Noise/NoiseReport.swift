import RunData
import Statistics

/// The noise scale by layer and as a whole, against the batch in use.
///
/// McCandlish et al., "An Empirical Model of Large-Batch Training" (arXiv 1812.06162).
public struct NoiseReport: Sendable {
  /// What the table's rows and the figure's points stand for.
  public enum Place: Equatable, Sendable {
    case layer(Int), outside, whole
  }

  /// One group of runs that differ only in their seed.
  public struct Entry: Sendable {
    /// The group.
    public let group: RunGroup
    /// The estimates, the layers first.
    public let estimates: [(place: Place, estimate: NoiseEstimate)]
    /// |G|² over tr Σ of each run alone, in the order of ``estimates``; not above zero where chance made it so.
    let bySeed: [(seed: UInt64, values: [Double])]
    /// What the norms' gradients by sequence say of the same places, where all runs have recorded them and all tensors are looked at.
    public let fromNorms: [NoiseEstimate]?
    /// How well that follows ``estimates``.
    public let following: NoiseFollowing?
    /// Tokens of a sequence.
    public let sequenceLength: Int?
  }

  /// The operation that is looked at; nil for all tensors together.
  public let operation: String?
  /// The steps that were taken.
  public let window: StepWindow
  /// The groups.
  public let entries: [Entry]
  /// The layers that the table shows.
  public let layersShown: [Int]

  /// Measures groups of runs, each read with its noise.
  ///
  /// - Parameters:
  ///   - operation: what was read of each: one operation; nil for all tensors.
  ///   - window: by default the second half of what all runs have reached.
  /// - Throws: ``AnalysisError``, also where a run has not recorded noise.
  public init(
    runs: [RecordedRun], operation: String? = nil, window: StepWindow? = nil,
    selection: LayerSelection = .paper, allowsMixedContracts: Bool = false
  ) throws(AnalysisError) {
    try self.init(
      groups: try RunGroup.groups(of: runs, allowsMixedContracts: allowsMixedContracts), operation: operation,
      window: window, selection: selection)
  }

  /// Measures groups of runs, each read with its noise.
  init(
    groups: [RunGroup], operation: String? = nil, window: StepWindow?, selection: LayerSelection = .paper
  ) throws(AnalysisError) {
    let window = window ?? .defaultWindow(for: groups.flatMap(\.runs).map { $0.noise?.steps ?? [] })
    self.window = window
    self.operation = operation
    layersShown = try selection.layers(of: groups.map(\.manifest.gradients.layerCount).max() ?? 0)
    var entries: [Entry] = []
    for group in groups { entries.append(try Entry(group, window, includesOutside: operation == nil)) }
    self.entries = entries
  }
}

extension NoiseReport.Entry {
  fileprivate init(
    _ group: RunGroup, _ window: StepWindow, includesOutside: Bool
  ) throws(AnalysisError) {
    var runs: [(series: NoiseSeries, records: Range<Int>)] = []
    for run in group.runs {
      guard let series = run.noise else { throw .noiseNotRecorded(label: group.label) }
      let records = window.indices(in: series.steps)
      guard !records.isEmpty else {
        let recorded = series.steps.first.flatMap { first in series.steps.last.map { first...$0 } }
        throw .emptyWindow(window: window, label: group.label, recorded: recorded)
      }
      runs.append((series, records))
    }
    let layerCount = group.manifest.gradients.layerCount
    var places: [(place: NoiseReport.Place, range: ClosedRange<Int>)] =
      (0..<layerCount).map { (.layer($0), $0...$0) }
    if includesOutside { places.append((.outside, layerCount...layerCount)) }
    places.append((.whole, 0...layerCount))
    self.group = group
    estimates = places.map { ($0.place, NoiseEstimate(runs, places: $0.range)) }
    bySeed = zip(group.runs, runs).map { run, records in
      (run.manifest.seed, places.map { NoiseEstimate.signalByNoise([records], places: $0.range) })
    }
    // Of one operation the norms say nothing.
    let norms = includesOutside ? Self.norms(of: group, window) : nil
    fromNorms = norms.map { norms in places.map { NoiseEstimate(norms, places: $0.range) } }
    following = norms.map { norms in
      NoiseFollowing(zip(runs, norms).map { NoiseFollowing.Run(parts: $0, norms: $1) })
    }
    sequenceLength = ConfigurationKeys(json: group.manifest.configurationJSON).values["sequence"]
      .flatMap { Int($0) }
  }

  /// The norms' records in the window; nil unless every run has some.
  private static func norms(
    of group: RunGroup, _ window: StepWindow
  ) -> [(series: NoiseSeries, records: Range<Int>)]? {
    let norms = group.runs.compactMap { run in
      run.exampleNoise.map { (series: $0, records: window.indices(in: $0.steps)) }
    }
    return norms.count == group.runs.count && norms.allSatisfy { !$0.records.isEmpty } ? norms : nil
  }
}
