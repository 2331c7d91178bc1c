import RunData

/// The learned scales of runs and checkpoints, layer by layer: what the paper's Figure 4 shows, as values.
public struct ScaleReport: Sendable {
  /// A group with its scales.
  public struct Entry: Sendable {
    /// The sources.
    public let group: ScaleGroup
    /// What weight decay did, the first source's.
    public let decay: GainDecay
    /// Its scales, in the report's order.
    public let profiles: [ScaleProfile]

    /// The profile of a scale.
    func profile(_ name: String) -> ScaleProfile? { profiles.first { $0.name == name } }

    /// How a scale begins and is kept.
    func layout(_ name: String) -> ScaleLayout { group.sources[0].layout(of: name) }

    /// What a scale would be by weight decay alone; nil where nobody can tell.
    func decayed(_ name: String) -> Double? {
      decay.factor(atSnapshot: group.snapshots[0]).flatMap { layout(name).value(decayedBy: $0) }
    }
  }

  /// Groups that have any of the scales shown.
  public let entries: [Entry]
  /// Names of the scales of any group, within a layer: the paper's first.
  public let scales: [String]
  /// What counts as near and small.
  public let options: ScaleOptions
  /// What a reader has to know beside the numbers, each a sentence without its full stop.
  public let caveats: [String]

  /// Whether every scale that is shown begins at 1.
  var beginsAtOne: Bool {
    entries.allSatisfy { entry in entry.profiles.allSatisfy { entry.layout($0.name).initialValue == 1 } }
  }

  /// Whether any group has snapshots over training.
  public var hasRuns: Bool { entries.contains { $0.group.step != nil } }

  /// Summarises every scale of every group.
  ///
  /// - Parameters:
  ///   - sources: in the order in which they were given.
  ///   - label: what a group of runs is called.
  /// - Throws: ``AnalysisError`` where there are none, depths differ, or no source has a scale to show.
  public init(
    of sources: [ScaleSource], options: ScaleOptions = ScaleOptions(),
    label: (RunGroup) -> String = { $0.label }
  ) throws(AnalysisError) {
    let groups = try ScaleGroup.groups(of: sources, label: label)
    func shown(_ group: ScaleGroup) -> [String] {
      group.sources[0].names.filter { options.includesAllGains || GainName.isShown($0) }
    }
    let bare = groups.filter { shown($0).isEmpty }
    guard bare.count < groups.count else {
      throw .noScales(labels: bare.map(\.label), gains: bare.map(Self.gains))
    }
    entries = groups.filter { !shown($0).isEmpty }.map { group in
      Entry(
        group: group, decay: group.sources[0].decay,
        profiles: shown(group).compactMap { ScaleProfile(of: $0, in: group, options: options) })
    }
    var names: [String] = []
    for name in entries.flatMap(\.profiles).map(\.name) where !names.contains(name) { names.append(name) }
    scales = names.enumerated().sorted {
      (GainName.rank($0.element), $0.offset) < (GainName.rank($1.element), $1.offset)
    }.map(\.element)
    self.options = options
    caveats =
      groups.flatMap(\.caveats)
      + bare.map { AnalysisError.missingScales(of: $0.label, gains: Self.gains($0)) }
      + Self.nonfinite(entries)
  }

  private static func gains(_ group: ScaleGroup) -> [String] { group.sources[0].names.map(GainName.short) }

  private static func nonfinite(_ entries: [Entry]) -> [String] {
    let found = entries.flatMap { entry in
      entry.profiles.flatMap { profile in
        profile.nonfinite.map { entries.count > 1 ? "\(entry.group.label): \($0)" : $0 }
      }
    }
    guard !found.isEmpty else { return [] }
    let shown = found.prefix(6).joined(separator: "; ") + (found.count > 6 ? "; …" : "")
    return ["Values that are not finite, left out of every number here: \(shown)"]
  }
}
