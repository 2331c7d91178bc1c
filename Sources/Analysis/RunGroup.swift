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
    var places: [GroupKey: Int] = [:]
    for run in runs {
      let key = GroupKey(run.manifest)
      if let place = places[key] {
        members[place].runs.append(run)
      } else {
        places[key] = members.count
        members.append((key, [run]))
      }
    }
    members = members.enumerated().sorted {
      ($0.element.key.rank, $0.offset) < ($1.element.key.rank, $1.offset)
    }.map(\.element)
    let labels = groupLabels(members.map(\.key))
    let counts = Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +)
    return zip(labels, members).map { label, member in
      // Where no setting tells two groups apart, the first run's id does.
      RunGroup(
        label: counts[label] != 1 ? "\(label), run \(member.runs[0].manifest.runID)" : label,
        runs: member.runs)
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
private struct GroupKey: Hashable {
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
  let differences = Dictionary(grouping: keys, by: \.architecture).mapValues(GroupDifferences.init)
  return keys.map { key in
    ([architectureTitle(key.architecture)] + (differences[key.architecture]?.details(of: key) ?? []))
      .joined(separator: ", ")
  }
}

/// In what the groups of one architecture differ.
private struct GroupDifferences {
  private let settings: [String]
  private let corporaDiffer: Bool
  /// Places of the number contract's labels.
  private let labels: [Int]
  private let depthsDiffer: Bool

  init(_ keys: [GroupKey]) {
    settings = ConfigurationKeys.differing(keys.map(\.configuration))
    corporaDiffer = Set(keys.map(\.corpus)).count > 1
    labels = keys[0].contract.labels.indices.filter { index in
      Set(keys.map { $0.contract.labels[index].value }).count > 1
    }
    depthsDiffer = Set(keys.map(\.layout.layerCount)).count > 1
  }

  /// What tells one of them from the others.
  func details(of key: GroupKey) -> [String] {
    var details = settings.map { "\($0) \(key.configuration.values[$0] ?? "unset")" }
    if corporaDiffer, !details.contains(where: { $0.hasPrefix("corpus ") }) {
      details.append("corpus \(key.corpus[0])")
    }
    details += labels.map { key.contract.labels[$0] }.map { "\($0.name) \($0.value)" }
    if depthsDiffer, !details.contains(where: { $0.hasPrefix("layers ") }) {
      details.append("\(key.layout.layerCount) layers")
    }
    return details
  }
}
