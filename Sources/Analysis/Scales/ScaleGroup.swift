import RunData

/// Sources that differ only in their seed, all after the same number of updates: one row of panels.
public struct ScaleGroup: Sendable {
  /// The architecture with the settings in which groups differ, as ``RunGroup`` has it; of a checkpoint its path.
  public let label: String
  /// The runs by ascending seed, or one stack of a checkpoint.
  public let sources: [ScaleSource]
  /// Which snapshot of each source is shown.
  let snapshots: [Int]
  /// Updates made before that snapshot; nil for a checkpoint.
  public let step: Int?
  /// What a reader has to know beside the numbers.
  let caveats: [String]

  /// Numbers of the layers.
  var layers: [Int] { sources[0].layers }

  /// Whether several seeds are pooled.
  var isPooled: Bool { sources.count > 1 }

  /// The seed of a source; nil for a checkpoint.
  func seed(_ source: Int) -> UInt64? { sources[source].run?.manifest.seed }

  /// Runs that differ only in their seed together, each checkpoint alone: runs in the order of ``RunGroup``, then checkpoints.
  ///
  /// One run may be there at several steps, each a group.
  /// - Throws: ``AnalysisError/noRuns``, ``AnalysisError/duplicateRun``, ``AnalysisError/unequalScaleDepths``,
  ///   ``AnalysisError/noSharedSnapshot``.
  static func groups(
    of sources: [ScaleSource], label: (RunGroup) -> String
  ) throws(AnalysisError) -> [ScaleGroup] {
    guard !sources.isEmpty else { throw .noRuns }
    var groups = try runGroups(sources.filter { $0.run != nil }, label: label)
    for source in sources where source.run == nil {
      let hasStacks = sources.contains { $0.title == source.title && $0.stack != source.stack }
      groups.append(
        try ScaleGroup(label: hasStacks ? "\(source.title), \(source.stack)" : source.title, [source]))
    }
    try refuseUnequalDepths(groups)
    return groups
  }

  private static func runGroups(
    _ sources: [ScaleSource], label: (RunGroup) -> String
  ) throws(AnalysisError) -> [ScaleGroup] {
    guard !sources.isEmpty else { return [] }
    var distinct: [String: RecordedRun] = [:]
    var runs: [RecordedRun] = []
    for run in sources.compactMap(\.run) where distinct.updateValue(run, forKey: run.manifest.runID) == nil {
      runs.append(run)
    }
    var result: [ScaleGroup] = []
    for group in try RunGroup.groups(of: runs, allowsMixedContracts: true) {
      let own = group.runs.flatMap { run in sources.filter { $0.run?.manifest.runID == run.manifest.runID } }
      var steps: [Int?] = []
      for source in own where !steps.contains(source.step) { steps.append(source.step) }
      for step in steps {
        let members = own.filter { $0.step == step }
        try refuseDuplicates(members)
        var made = try ScaleGroup(label: label(group), members)
        if steps.count > 1, let step = made.step {
          made = try ScaleGroup(label: "\(label(group)), step \(step)", members)
        }
        result.append(made)
      }
    }
    return result
  }

  /// - Precondition: there is at least one source.
  private init(label: String, _ sources: [ScaleSource]) throws(AnalysisError) {
    self.label = label
    self.sources = sources
    var remarks: [String] = []
    for remark in sources.flatMap(\.remarks) where !remarks.contains(remark) { remarks.append(remark) }
    let all = sources.map(\.steps)
    guard sources[0].run != nil else {
      (snapshots, step, caveats) = ([0], nil, remarks)
      return
    }
    if Self.beganElsewhere(sources[0]) {
      remarks.append("\(label): the run began with a checkpoint's weights, and its gains there")
    }
    let shared = all[0].filter { step in all.allSatisfy { $0.contains(step) } }
    guard let step = sources[0].step ?? shared.last ?? nil, shared.contains(step) else {
      throw .noSharedSnapshot(label: label)
    }
    let last = all.compactMap { $0.last ?? nil }
    if sources[0].step == nil, let highest = last.max(), let lowest = last.min(), lowest < highest {
      remarks.append(
        "\(label): seeds have snapshots up to steps \(lowest) to \(highest); shown is \(step), the last that all have"
      )
    }
    snapshots = all.map { $0.firstIndex(of: step) ?? 0 }
    self.step = step
    caveats = remarks
  }

  private static func beganElsewhere(_ source: ScaleSource) -> Bool {
    source.run.map { ConfigurationKeys(json: $0.manifest.configurationJSON).values["from-checkpoint"] != nil }
      ?? false
  }

  private static func refuseDuplicates(_ members: [ScaleSource]) throws(AnalysisError) {
    var seen: Set<String> = []
    for run in members.compactMap(\.run) where !seen.insert(run.manifest.runID).inserted {
      throw .duplicateRun(id: run.manifest.runID, label: runLabel(run.manifest))
    }
  }

  private static func refuseUnequalDepths(_ groups: [ScaleGroup]) throws(AnalysisError) {
    for group in groups {
      let stack = group.sources[0].stack
      guard let other = groups.first(where: { $0.sources[0].stack == stack }),
        other.layers.count != group.layers.count
      else { continue }
      throw .unequalScaleDepths(
        labels: [other.label, group.label], depths: [other.layers.count, group.layers.count])
    }
  }
}
