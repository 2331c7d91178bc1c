import Documents
import RunData
import Statistics
import Text

extension OutputReport {
  /// A row a group and operation, a column a layer shown.
  public var table: Table {
    var table = Table(
      title: "Outputs of operations, \(statistic.title) over \(window.title)",
      columns: [
        Table.Column("architecture", title: "architecture", kind: .text),
        Table.Column("operation", title: "operation", kind: .text),
      ]
        + layersShown.enumerated().map { place, layer in
          Table.Column(
            "layer_\(layer)", title: "layer \(layer)", kind: .number(.significant(3)),
            priority: place == 0 || place == layersShown.count - 1 ? 2 : 0)
        } + [Table.Column("growth", title: "last/first", kind: .estimate(.significant(3)), priority: 3)],
      notes: [
        statistic.definition,
        "input: the residual stream that enters the layer. last/first: the last layer's over the first one's.",
        seedNote,
      ].filter { !$0.isEmpty })
    for row in rows {
      table.append(
        [.text(row.group.label), .text(row.operation)]
          + layersShown.map { layer in
            guard row.isInLayers else {
              return layer == layersShown.first ? Table.Cell(row.values[0]) : .missing
            }
            return Table.Cell(layer < row.values.count ? row.values[layer] : nil)
          } + [row.growth.map { .estimate($0) } ?? .missing])
    }
    return table
  }

  /// A row a group, operation and layer, with every statistic.
  public var longTable: Table {
    var table = Table(
      title: "Outputs of operations over \(window.title)",
      columns: [
        Table.Column("architecture", title: "architecture", kind: .text),
        Table.Column("seed", title: "seed", kind: .text),
        Table.Column("operation", title: "operation", kind: .text),
        Table.Column("layer", title: "layer", kind: .integer),
      ]
        + OutputStatistic.allCases.map {
          Table.Column($0.columnName, title: $0.rawValue, kind: .number(.significant(5)))
        })
    let shown = Set(rows.map(\.operation))
    for run in groups.flatMap({ group in group.runs.map { (group, $0) } }) {
      for output in run.1.outputSummary?.outputs ?? []
      where output.count > 0 && shown.contains(output.place.name) {
        let input = run.1.outputSummary?.outputs.first {
          $0.place == OperationPlace(layer: output.place.layer, name: "input")
        }
        table.append(
          [
            .text(run.0.label), .text(String(run.1.manifest.seed)), .text(output.place.name),
            output.place.layer.map { .integer($0) } ?? .missing,
          ]
            + OutputStatistic.allCases.map { statistic in
              let value = statistic.value(of: output, input: input)
              return value.isNaN ? .missing : .number(value)
            })
      }
    }
    return table
  }

  /// What heads of attention do: a row a group and layer shown, means over its heads with the extremes; nil where no run has looked.
  public var headTable: Table? {
    guard !heads.isEmpty else { return nil }
    var table = Table(
      title: "Heads of attention over \(window.title)",
      columns: [
        Table.Column("architecture", title: "architecture", kind: .text),
        Table.Column("layer", title: "layer", kind: .integer),
        Table.Column("entropy", title: "entropy (nats)", kind: .number(.significant(3)), priority: 3),
        Table.Column("lowest_entropy", title: "lowest head", kind: .number(.significant(3)), priority: 2),
        Table.Column("max_logit", title: "largest logit", kind: .number(.significant(3)), priority: 2),
        Table.Column(
          "first_share", title: "first token's share", kind: .number(.significant(2)), priority: 1),
        Table.Column("largest_share", title: "largest head", kind: .number(.significant(2)), priority: 1),
      ], notes: headNotes)
    for group in groups {
      let own = heads.filter { $0.group.label == group.label }.map(\.head)
      for layer in layersShown {
        let layerHeads = own.filter { $0.layer == layer && !$0.entropy.isNaN }
        guard !layerHeads.isEmpty else { continue }
        func mean(_ value: (OutputSummary.Head) -> Double) -> Double {
          layerHeads.reduce(0) { $0 + value($1) } / Double(layerHeads.count)
        }
        table.append([
          .text(group.label), .integer(layer), .number(mean(\.entropy)),
          .number(layerHeads.map(\.entropy).min() ?? .nan), .number(layerHeads.map(\.maxLogit).max() ?? .nan),
          .number(mean(\.firstShare)), .number(layerHeads.map(\.firstShare).max() ?? .nan),
        ])
      }
    }
    return table
  }

  /// A row a group, layer and head.
  public var longHeadTable: Table? {
    guard !heads.isEmpty else { return nil }
    var table = Table(
      title: "Heads of attention over \(window.title)",
      columns: [
        Table.Column("architecture", title: "architecture", kind: .text),
        Table.Column("layer", title: "layer", kind: .integer),
        Table.Column("head", title: "head", kind: .integer),
        Table.Column("entropy", title: "entropy", kind: .number(.significant(5))),
        Table.Column("max_logit", title: "largest logit", kind: .number(.significant(5))),
        Table.Column("first_share", title: "first share", kind: .number(.significant(5))),
      ])
    for row in heads where !row.head.entropy.isNaN {
      table.append([
        .text(row.group.label), .integer(row.head.layer), .integer(row.head.head), .number(row.head.entropy),
        .number(row.head.maxLogit), .number(row.head.firstShare),
      ])
    }
    return table
  }

  private var headNotes: [String] {
    [
      "Entropy: -Σ p ln p of a query's attention probabilities, mean over the queries that see more than one key: 0 where each looks at one"
        + " key alone, ln n where it looks at n alike.",
      "Largest logit: scaled, before any cap, at any of the window's steps. First token's share: mean probability that queries give to"
        + " the first token of their sequence.",
    ] + (groups.contains { $0.runs.count > 1 } ? ["Means over the seeds, of logits the largest."] : [])
  }

  private var seedNote: String {
    groups.contains { $0.runs.count > 2 }
      ? "Geometric means over seeds; last/first with Student's t interval (95 %) of its logarithm."
      : groups.contains { $0.runs.count > 1 } ? "Geometric means over seeds; intervals need three." : ""
  }
}

extension Table.Cell {
  fileprivate init(_ estimate: Estimate?) {
    self = estimate.map { .number($0.value) } ?? .missing
  }
}

extension OutputStatistic {
  fileprivate var columnName: String { rawValue.replacing("/", with: "_over_") }
}
