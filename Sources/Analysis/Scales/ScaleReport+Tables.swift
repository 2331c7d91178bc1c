import Charts
import Documents
import Statistics
import Text

extension ScaleReport {
  /// The distribution of every scale in the layers shown, seeds pooled: what a reader gets.
  /// - Throws: ``AnalysisError/badLayers``.
  public func table(layers selection: LayerSelection) throws(AnalysisError) -> Table {
    var table = distributionTable
    for (entry, profile) in entries.flatMap({ entry in entry.profiles.map { (entry, $0) } }) {
      let shown = try Self.numbers(selection, in: entry.group)
      for layer in profile.layers where shown.contains(layer.number) {
        table.append(row(entry, profile, layer, source: nil))
      }
    }
    return table
  }

  /// The distribution of every scale in every layer; of several seeds first pooled (`seed` says how many), then each.
  public var longTable: Table {
    var table = distributionTable
    for entry in entries {
      for profile in entry.profiles {
        for layer in profile.layers {
          table.append(row(entry, profile, layer, source: nil))
          guard entry.group.isPooled else { continue }
          for source in entry.group.sources.indices {
            table.append(row(entry, profile, layer, source: source))
          }
        }
      }
    }
    return table
  }

  /// How each scale goes with depth, how far it has moved, and what weight decay alone would have done; of several seeds
  /// first their mean, then each for programs.
  public func trendTable(bySeed: Bool) -> Table {
    var table = Table(
      title: "Trend with depth, and distance from 1",
      columns: keyColumns + [
        Table.Column("seed", title: "seed", kind: .text, audience: .data),
        Table.Column("layers", title: "layers", kind: .integer),
        Table.Column("correlation", title: "rank correlation", kind: .estimate(.decimals(3))),
        Table.Column("p_value", title: "p", kind: .number(.significant(2)), audience: .unlessEmpty),
        Table.Column("test", title: "test", kind: .text, audience: .data),
        Table.Column("distance_from_one", title: "|x - 1|", kind: .number(.significant(3))),
        Table.Column(
          "decay_alone", title: "decay alone", kind: .number(.significant(4)), audience: .unlessEmpty),
      ], notes: trendNotes)
    for entry in entries {
      for profile in entry.profiles {
        table.append(trendRow(entry, profile, source: nil))
        guard bySeed, entry.group.isPooled else { continue }
        for source in entry.group.sources.indices { table.append(trendRow(entry, profile, source: source)) }
      }
    }
    return table
  }

  /// The median and the distance from 1 of every layer shown at every snapshot of every run, seed by seed; without rows for
  /// checkpoints.
  /// - Throws: ``AnalysisError/badLayers``.
  public func driftTable(layers selection: LayerSelection) throws(AnalysisError) -> Table {
    var table = Table(
      title: "Learned scales over training",
      columns: keyColumns + [
        Table.Column("layer", title: "layer", kind: .integer, priority: 2),
        Table.Column("seed", title: "seed", kind: .text, audience: hasSeeds ? .everyone : .data),
        Table.Column("step", title: "step", kind: .integer),
        Table.Column("median", title: "median", kind: .number(.significant(4))),
        Table.Column("distance_from_one", title: "|x - 1|", kind: .number(.significant(3))),
        Table.Column(
          "decay_alone", title: "decay alone", kind: .number(.significant(4)), audience: .unlessEmpty),
      ], notes: decayNotes + ["|x - 1|: mean over the layer's elements; gains and scales begin at 1."])
    for entry in entries {
      let shown = try Self.numbers(selection, in: entry.group)
      for profile in entry.profiles {
        guard let drift = ScaleDrift(of: profile, in: entry) else { continue }
        append(drift, of: profile, entry, shown: shown, to: &table)
      }
    }
    return table
  }

  /// Heads whose |γ| is small; nil where no model has γ.
  public var headTable: Table? {
    guard let note = headNote else { return nil }
    var table = Table(
      title: "Heads with |γ| below \(NumberText.shortest(options.small))",
      columns: keyColumns + [
        Table.Column("seed", title: "seed", kind: .text, audience: hasSeeds ? .everyone : .data),
        Table.Column("layer", title: "layer", kind: .integer, priority: 2),
        Table.Column("head", title: "head", kind: .integer),
        Table.Column("value", title: "γ", kind: .number(.significant(3))),
      ], notes: [note])
    for (entry, profile) in headScales {
      for head in profile.smallHeads {
        table.append(
          key(entry, profile) + [
            seedCell(entry, head.source), .integer(head.layer), .integer(head.head), .number(head.value),
          ])
      }
    }
    return table
  }

  /// The numbers of the layers that a selection means: the n-th of a stack that begins elsewhere.
  static func numbers(
    _ selection: LayerSelection, in group: ScaleGroup
  ) throws(AnalysisError) -> [Int] {
    try selection.layers(of: group.layers.count).map { group.layers[$0] }
  }

  private func append(
    _ drift: ScaleDrift, of profile: ScaleProfile, _ entry: Entry, shown: [Int], to table: inout Table
  ) {
    for (index, layer) in drift.layers.enumerated() where shown.contains(layer) {
      for source in entry.group.sources.indices {
        for (snapshot, step) in drift.steps.enumerated() {
          table.append(
            key(entry, profile) + [
              .integer(layer), seedCell(entry, source), .integer(step),
              .number(drift.medians[source][index][snapshot]),
              .number(drift.distances[source][index][snapshot]),
              drift.decay.map { .number($0[snapshot]) } ?? .missing,
            ])
        }
      }
    }
  }
}

// MARK: - Columns and rows

extension ScaleReport {
  /// Whether any row is of one seed among several.
  private var hasSeeds: Bool { entries.contains { $0.group.isPooled } }

  private var keyColumns: [Table.Column] {
    [
      Table.Column("model", title: "model", kind: .text, audience: entries.count > 1 ? .everyone : .data),
      Table.Column("scale", title: "scale", kind: .text, audience: .data),
      Table.Column("title", title: "scale", kind: .text),
    ]
  }

  private func key(_ entry: Entry, _ profile: ScaleProfile) -> [Table.Cell] {
    [.text(entry.group.label), .text(GainName.short(profile.name)), .text(GainName.words(profile.name))]
  }

  /// A source's seed, or of all together `all 3`.
  private func seedCell(_ entry: Entry, _ source: Int?) -> Table.Cell {
    guard let source = source ?? (entry.group.isPooled ? nil : 0) else {
      return .text("all \(entry.group.sources.count)")
    }
    return entry.group.seed(source).map { .text("\($0)") } ?? .missing
  }

  /// Of a column that readers see, the title is short: seven numbers of a distribution stand in a line.
  private var distributionTable: Table {
    func number(
      _ key: String, _ title: String, _ audience: Table.Audience = .everyone, priority: Int = 0
    ) -> Table.Column {
      Table.Column(key, title: title, kind: .number(.significant(4)), audience: audience, priority: priority)
    }
    func share(_ key: String, _ title: String) -> Table.Column {
      Table.Column(key, title: title, kind: .number(.decimals(3)))
    }
    func count(
      _ key: String, _ title: String, _ audience: Table.Audience = .everyone, priority: Int = -1
    ) -> Table.Column {
      Table.Column(key, title: title, kind: .integer, audience: audience, priority: priority)
    }
    return Table(
      title: entries.count == 1 ? "Learned scales of \(entries[0].title)" : "Learned scales",
      columns: keyColumns + [
        count("layer", "layer", priority: 2),
        Table.Column("seed", title: "seed", kind: .text, audience: .data),
        count("step", "step", .data), count("elements", "n"), count("nonfinite", "not finite", .data),
        number("minimum", "min"), number("lower_whisker", "whisker", .data), number("q1", "q1", priority: -1),
        number("median", "median", priority: 1), number("q3", "q3", priority: -1),
        number("upper_whisker", "whisker", .data),
        number("maximum", "max"), number("mean", "mean"), share("near_zero", "≈ 0"),
        share("near_one", "≈ 1"),
        count("outliers", "outliers", .data), number("distance_from_one", "|x - 1|", .data),
        Table.Column(
          "median_of_seeds", title: "median, seeds", kind: .estimate(.significant(4)), audience: .unlessEmpty),
      ], notes: distributionNotes)
  }

  private func row(
    _ entry: Entry, _ profile: ScaleProfile, _ layer: ScaleProfile.Layer, source: Int?
  ) -> [Table.Cell] {
    let box = source.map { layer.bySource[$0] } ?? layer.pooled
    let isPooled = source == nil && entry.group.isPooled
    return key(entry, profile) + [
      .integer(layer.number), seedCell(entry, source), entry.group.step.map { .integer($0) } ?? .missing,
      .integer(box.count), .integer(box.nonfiniteCount),
      .number(box.minimum), .number(box.lowerWhisker), .number(box.firstQuartile), .number(box.median),
      .number(box.thirdQuartile), .number(box.upperWhisker), .number(box.maximum), .number(box.mean),
      .number(box.shareNearZero), .number(box.shareNearOne), .integer(box.outliers.count),
      .number(box.distanceFromOne), isPooled ? .estimate(layer.median) : .missing,
    ]
  }

  private func trendRow(_ entry: Entry, _ profile: ScaleProfile, source: Int?) -> [Table.Cell] {
    let single = source ?? (entry.group.isPooled ? nil : 0)
    let correlation = single.map { profile.correlations[$0] }
    return key(entry, profile) + [
      seedCell(entry, source), .integer(correlation?.count ?? profile.correlations.map(\.count).min() ?? 0),
      .estimate(correlation.map { Estimate(value: $0.value, interval: nil) } ?? profile.trend),
      correlation.map { .number($0.pValue) } ?? .missing,
      correlation.map { .text($0.method.rawValue) } ?? .missing,
      .number(profile.distanceFromOne(source: source)),
      entry.decayed(profile.name).map { .number($0) } ?? .missing,
    ]
  }
}

extension ScaleReport.Entry {
  /// The group with its moment and seeds: `NormFormer, step 300, seed 0`.
  var title: String {
    var parts = [group.label]
    if let step = group.step, !group.label.hasSuffix("step \(step)") { parts.append("step \(step)") }
    if group.isPooled {
      parts.append("\(group.sources.count) seeds")
    } else if let seed = group.seed(0) {
      parts.append("seed \(seed)")
    }
    return parts.joined(separator: ", ")
  }
}
