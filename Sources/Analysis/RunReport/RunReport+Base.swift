import RunData

extension RunReport {
  /// Settings that make an architecture.
  static let architectureSettings: Set<String> = [
    "architecture", "scale-attn", "scale-fc", "scale-heads", "head-scale-placement", "scale-resids",
    "res-scale-placement", "qkv-norm",
  ]

  /// What each group is compared with: the group that was asked for; else the Pre-LN group that is most like it in all other
  /// settings, and without Pre-LN the first group.
  ///
  /// - Throws: ``AnalysisError/noSuchBase``.
  static func bases(_ wanted: String?, among groups: [RunGroup]) throws(AnalysisError) -> [Int] {
    if let wanted, !groups.isEmpty {
      let base = try base(wanted, among: groups)
      return groups.map { _ in base }
    }
    let candidates = groups.indices.filter { groups[$0].manifest.architecture == "pre-ln" }
    let settings = groups.map { group in
      ConfigurationKeys(json: group.manifest.configurationJSON).values
        .filter { !architectureSettings.contains($0.key) }
    }
    /// Depth and text first: across these nothing can be compared.
    func distance(_ one: Int, _ other: Int) -> Int {
      let (mine, theirs) = (groups[one].manifest, groups[other].manifest)
      return ConfigurationKeys.differing([settings[one], settings[other]]).count
        + (mine.gradients.layerCount == theirs.gradients.layerCount ? 0 : 1000)
        + (mine.corpus.sha256 == theirs.corpus.sha256 ? 0 : 1000)
    }
    guard let first = candidates.first else { return groups.map { _ in 0 } }
    return groups.indices.map { index in
      // Groups of Pre-LN are compared with the first of them.
      candidates.contains(index)
        ? (distance(index, first) < 1000 ? first : index)
        : candidates.min { (distance(index, $0), $0) < (distance(index, $1), $1) } ?? first
    }
  }

  /// The one group that a text names: by its label, its architecture, or the beginning of its label.
  private static func base(_ wanted: String, among groups: [RunGroup]) throws(AnalysisError) -> Int {
    let name = wanted.lowercased()
    func matches(_ test: (RunGroup) -> Bool) -> [Int] { groups.indices.filter { test(groups[$0]) } }
    let found =
      [
        matches { $0.label.lowercased() == name }, matches { $0.manifest.architecture.lowercased() == name },
        matches { $0.label.lowercased().hasPrefix(name) },
      ].first { !$0.isEmpty } ?? []
    guard found.count == 1 else {
      let named = found.isEmpty ? Array(groups.indices) : found
      throw .noSuchBase(wanted, among: named.map { groups[$0].label })
    }
    return found[0]
  }

  /// The base of all groups; nil where they have several.
  var commonBase: Int? {
    let others = groups.indices.filter { bases[$0] != $0 }.map { bases[$0] }
    return Set(others).count == 1 ? others.first : nil
  }
}
