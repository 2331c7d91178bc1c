import RunData

/// Runs that differ only in their seed: one row of a table, one panel of a figure.
public struct RunGroup: Sendable {
  /// The architecture's name in the literature's spelling, with the settings in which groups of one architecture
  /// differ: `Pre-LN, learning_rate 0.002`.
  public let label: String
  /// The runs, by ascending seed.
  public let runs: [RecordedRun]

  /// Creates a group.
  /// - Precondition: there is at least one run.
  public init(label: String, runs: [RecordedRun]) {
    precondition(!runs.isEmpty, "a group needs a run")
    self.label = label
    self.runs = runs.sorted { $0.manifest.seed < $1.manifest.seed }
  }

  /// What all runs of the group have in common: the first one's manifest.
  public var manifest: RunManifest { runs[0].manifest }

  /// Groups runs that differ only in their seed: Post-LN, Pre-LN, NormFormer, others, and among equals in the order in
  /// which they first appear.
  ///
  /// Two runs belong together where architecture, configuration without the seed, corpus, number contract and
  /// gradient layout are equal.
  /// - Parameter allowsMixedContracts: whether runs may be compared whose numbers do not mean the same.
  /// - Throws: ``AnalysisError/noRuns``, ``AnalysisError/duplicateRun``, ``AnalysisError/mixedContracts``.
  public static func groups(
    of runs: [RecordedRun], allowsMixedContracts: Bool = false
  ) throws(AnalysisError) -> [RunGroup] {
    guard !runs.isEmpty else { throw .noRuns }
    try refuseDuplicates(runs)
    if !allowsMixedContracts { try refuseMixedContracts(runs) }
    var members: [(key: GroupKey, runs: [RecordedRun])] = []
    for run in runs {
      let key = GroupKey(run.manifest)
      if let index = members.firstIndex(where: { $0.key == key }) {
        members[index].runs.append(run)
      } else {
        members.append((key, [run]))
      }
    }
    members = members.enumerated().sorted {
      ($0.element.key.rank, $0.offset) < ($1.element.key.rank, $1.offset)
    }.map(\.element)
    let labels = groupLabels(members.map(\.key))
    return zip(labels, members).map { label, member in
      // Where no setting tells two groups apart, the first run's id does.
      let isAmbiguous = labels.filter { $0 == label }.count > 1
      return RunGroup(
        label: isAmbiguous ? "\(label), run \(member.runs[0].manifest.runID)" : label, runs: member.runs)
    }
  }

  private static func refuseDuplicates(_ runs: [RecordedRun]) throws(AnalysisError) {
    var seen: Set<String> = []
    for run in runs where !seen.insert(run.manifest.runID).inserted {
      throw .duplicateRun(id: run.manifest.runID, label: runLabel(run.manifest))
    }
  }

  private static func refuseMixedContracts(_ runs: [RecordedRun]) throws(AnalysisError) {
    for run in runs.dropFirst() {
      let differences = runs[0].manifest.contract.differences(from: run.manifest.contract)
      if !differences.isEmpty {
        throw .mixedContracts(
          first: runLabel(runs[0].manifest), second: runLabel(run.manifest), differences: differences)
      }
    }
  }
}

/// How a message names a run: `Pre-LN, seed 3`.
func runLabel(_ manifest: RunManifest) -> String {
  "\(architectureTitle(manifest.architecture)), seed \(manifest.seed)"
}

/// Everything in which the runs of a group agree.
private struct GroupKey: Equatable {
  var architecture: String
  var configuration: ConfigurationKeys
  /// Name and SHA-256; not the entropies, which may be unknown and so equal nothing.
  var corpus: [String]
  var contract: NumberContract
  var layout: GradientLayout

  /// The place of the architecture in the paper's order.
  var rank: Int {
    ["post-ln", "pre-ln", "normformer"].firstIndex { architecture.hasPrefix($0) } ?? 3
  }

  init(_ manifest: RunManifest) {
    architecture = manifest.architecture
    configuration = ConfigurationKeys(json: manifest.configurationJSON)
    corpus = [manifest.corpus.name, manifest.corpus.sha256]
    contract = manifest.contract
    layout = manifest.gradients
  }
}

/// The architectures' titles; groups of one architecture also name the settings in which they differ.
private func groupLabels(_ keys: [GroupKey]) -> [String] {
  keys.map { key in
    let title = architectureTitle(key.architecture)
    let rivals = keys.filter { $0.architecture == key.architecture }
    guard rivals.count > 1 else { return title }
    var details = ConfigurationKeys.differing(rivals.map(\.configuration)).map {
      "\($0) \(key.configuration.values[$0] ?? "unset")"
    }
    if Set(rivals.map(\.corpus)).count > 1, !details.contains(where: { $0.hasPrefix("corpus ") }) {
      details.append("corpus \(key.corpus[0])")
    }
    details += contractDetails(key, among: rivals)
    let depths = Set(rivals.map(\.layout.layerCount))
    if depths.count > 1, !details.contains(where: { $0.hasPrefix("layers ") }) {
      details.append("\(key.layout.layerCount) layers")
    }
    return ([title] + details).joined(separator: ", ")
  }
}

/// The contract's labels in which groups of one architecture differ.
private func contractDetails(_ key: GroupKey, among rivals: [GroupKey]) -> [String] {
  key.contract.labels.enumerated().compactMap { index, label in
    let values = Set(rivals.map { $0.contract.labels[index].value })
    return values.count > 1 ? "\(label.name) \(label.value)" : nil
  }
}
