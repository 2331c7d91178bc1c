import RealModule
import RunData
import Statistics

/// How large operations' outputs are layer by layer, and what heads of attention do, of groups of runs that recorded it.
public struct OutputReport: Sendable {
  /// One operation of one group.
  struct Row: Sendable {
    var group: RunGroup
    var operation: String
    /// By layer; a single one for an operation outside of the layers. Nil where a layer has none.
    var values: [Estimate?]
    /// Of each seed, the last layer's over the first one's; fewer where one has no such number.
    var seedGrowth: [Double]
    var isInLayers: Bool
  }

  /// One head of one group; means over its seeds.
  struct HeadRow: Sendable {
    var group: RunGroup
    var head: OutputSummary.Head
  }

  /// What is shown of each output.
  public let statistic: OutputStatistic
  /// The steps that were taken.
  public let window: StepWindow
  let groups: [RunGroup]
  let rows: [Row]
  let heads: [HeadRow]
  let layersShown: [Int]

  /// Puts runs together, each read with its outputs over the window.
  ///
  /// - Parameters:
  ///   - operations: names or patterns of those that are shown; empty for all.
  ///   - window: the steps of which the runs' outputs were read.
  /// - Throws: ``AnalysisError``, also where a run has not recorded outputs, or no operation has the name.
  public init(
    runs: [RecordedRun], statistic: OutputStatistic = .rms, operations: [String] = [], window: StepWindow,
    selection: LayerSelection = .paper, allowsMixedContracts: Bool = false
  ) throws(AnalysisError) {
    let groups = try RunGroup.groups(of: runs, allowsMixedContracts: allowsMixedContracts)
    for run in runs where run.outputSummary == nil {
      guard !run.manifest.hasOutputMoments else {
        let recorded = run.steps.first.flatMap { first in run.steps.last.map { first...$0 } }
        throw .emptyWindow(window: window, label: runLabel(run.manifest), recorded: recorded)
      }
      throw .outputsNotRecorded(
        label: runLabel(run.manifest), hasMaxima: !run.manifest.operationNames.isEmpty)
    }
    self.groups = groups
    self.statistic = statistic
    self.window = window
    layersShown = try selection.layers(of: groups.map(\.manifest.gradients.layerCount).max() ?? 0)
    let names = groups.flatMap { $0.manifest.operationNames + $0.manifest.stemOperationNames }
    let available = names.enumerated().filter { names.firstIndex(of: $0.element) == $0.offset }.map(\.element)
    var shown: Set<String>? = operations.isEmpty ? nil : []
    for pattern in operations {
      let found = available.filter { OperationChoice.matches($0, pattern: pattern) }
      guard !found.isEmpty else { throw .noSuchOperation(name: pattern, available: available) }
      shown?.formUnion(found)
    }
    rows = groups.flatMap { group in
      (group.manifest.operationNames.map { ($0, true) }
        + group.manifest.stemOperationNames.map { ($0, false) })
        .filter { shown?.contains($0.0) ?? true }
        .map { Row(group, operation: $0.0, isInLayers: $0.1, statistic) }
    }
    heads = groups.flatMap { group in
      (group.runs[0].outputSummary?.heads ?? []).indices.map { index in
        HeadRow(group: group, head: .mean(group.runs.compactMap { $0.outputSummary?.heads[index] }))
      }
    }
  }
}

extension OutputReport.Row {
  /// The last layer's over the first one's, paired by seed.
  var growth: Estimate? {
    guard isInLayers, seedGrowth.count == group.runs.count, !seedGrowth.isEmpty else { return nil }
    return .geometricMean(of: seedGrowth)
  }

  fileprivate init(_ group: RunGroup, operation: String, isInLayers: Bool, _ statistic: OutputStatistic) {
    let layers: [Int?] = isInLayers ? (0..<group.manifest.gradients.layerCount).map { $0 } : [nil]
    let seeds = layers.map { layer in
      group.runs.map { run -> Double in
        let outputs = run.outputSummary?.outputs ?? []
        func output(_ name: String) -> OutputSummary.Output? {
          outputs.first { $0.place == OperationPlace(layer: layer, name: name) }
        }
        return output(operation).map { statistic.value(of: $0, input: output("input")) } ?? .nan
      }
    }
    let values = seeds.map { seeds -> Estimate? in
      seeds.contains(where: \.isNaN) ? nil : .geometricMean(of: seeds)
    }
    let growth = zip(seeds.last ?? [], seeds.first ?? []).map { $0 / $1 }.filter { $0.isFinite && $0 > 0 }
    self.init(
      group: group, operation: operation, values: values, seedGrowth: growth, isInLayers: isInLayers)
  }
}

extension OutputSummary.Head {
  /// The means over seeds, of logits the largest.
  fileprivate static func mean(_ seeds: [OutputSummary.Head]) -> OutputSummary.Head {
    func mean(_ value: (OutputSummary.Head) -> Double) -> Double {
      seeds.reduce(0) { $0 + value($1) } / Double(seeds.count)
    }
    return OutputSummary.Head(
      layer: seeds[0].layer, head: seeds[0].head, entropy: mean(\.entropy),
      maxLogit: seeds.map(\.maxLogit).max() ?? .nan, firstShare: mean(\.firstShare))
  }
}

extension Estimate {
  /// The geometric mean of independent positive numbers, one a seed: from three on with Student's t on the logarithm.
  static func geometricMean(of samples: [Double]) -> Estimate {
    Estimate.mean(of: samples.map { Double.log($0) }).mapped { Double.exp($0) }
  }
}
