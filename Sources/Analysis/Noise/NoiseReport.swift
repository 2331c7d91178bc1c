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
    var estimates: [(place: NoiseReport.Place, estimate: NoiseEstimate)] = []
    for layer in 0..<layerCount {
      estimates.append((.layer(layer), NoiseEstimate(runs, places: layer...layer)))
    }
    if includesOutside { estimates.append((.outside, NoiseEstimate(runs, places: layerCount...layerCount))) }
    estimates.append((.whole, NoiseEstimate(runs, places: 0...layerCount)))
    self.group = group
    self.estimates = estimates
    sequenceLength = ConfigurationKeys(json: group.manifest.configurationJSON).values["sequence"]
      .flatMap { Int($0) }
  }
}
