import RunData

/// Labels of groups that tell them apart in few words: a report has the settings in full, and labels in every table.
struct GroupLabels {
  /// Characters from which on a label is made shorter.
  private static let longest = 40

  /// Settings that a reader looks for first.
  private static let telling = [
    "layers", "dim", "corpus", "objective", "lr", "steps", "warmup", "decay", "batch", "sequence", "heads",
  ]

  /// The groups, those with long labels under shorter ones.
  static func shortened(_ groups: [RunGroup]) -> [RunGroup] {
    let labels = groups.map { group in
      group.label.count <= longest
        ? group.label
        : short(group, among: groups.filter { $0.manifest.architecture == group.manifest.architecture })
    }
    return zip(groups, labels).map { group, label in
      // A short label must not be that of two.
      RunGroup(label: labels.count { $0 == label } > 1 ? group.label : label, runs: group.runs)
    }
  }

  /// The architecture with as few settings as tell the group from its rivals, each the one that tells it from the most.
  private static func short(_ group: RunGroup, among rivals: [RunGroup]) -> String {
    let keys = { (one: RunGroup) in ConfigurationKeys(json: one.manifest.configurationJSON).values }
    let own = keys(group)
    var left = rivals.map(keys).filter { $0 != own }
    var details: [String] = []
    while !left.isEmpty {
      let differing = ConfigurationKeys.differing(left + [own])
      let ranked = differing.map { key in
        (
          key: key, told: left.count { $0[key] != own[key] },
          rank: telling.firstIndex(of: key) ?? telling.count
        )
      }
      guard let best = ranked.min(by: { (-$0.told, $0.rank, $0.key) < (-$1.told, $1.rank, $1.key) }),
        best.told > 0
      else { break }
      details.append("\(best.key) \(own[best.key] ?? "unset")")
      left.removeAll { $0[best.key] != own[best.key] }
    }
    return ([architectureTitle(group.manifest.architecture)] + details).joined(separator: ", ")
  }
}
