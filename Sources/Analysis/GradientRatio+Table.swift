import Documents
import RunData
import Statistics

extension GradientRatio {
  /// One row an operation: the ratio in each layer shown, and in how many of all layers it is certainly above or below 1.
  /// - Throws: ``AnalysisError/badLayers``.
  public func table(layers selection: LayerSelection) throws(AnalysisError) -> Table {
    let layers = try selection.layers(of: layerCount)
    let columns =
      [Table.Column("operation", title: "operation", kind: .text)]
      + layers.enumerated().map { place, layer in
        // Where a terminal is too narrow, the middle layers go first.
        Table.Column(
          "layer_\(layer)", title: "\(layer)", kind: .number(.significant(3)),
          priority: -min(place, layers.count - 1 - place))
      }
      + [
        Table.Column("larger", title: "> 1", kind: .integer, priority: 1),
        Table.Column("smaller", title: "< 1", kind: .integer, priority: 1),
        Table.Column("undecided", title: "?", kind: .integer, priority: 1),
      ]
    var table = Table(title: title, columns: columns, notes: notes)
    for operation in operations {
      let own = cells.filter { $0.operation == operation }
      guard !own.isEmpty else { continue }
      let verdicts = own.map(\.verdict)
      table.append(
        [.text(operation)]
          + layers.map { layer in
            own.first { $0.layer == layer }.map { Table.Cell.number($0.ratio.value) } ?? .missing
          }
          + [Cell.Verdict.larger, .smaller, .undecided].map { verdict in
            Table.Cell.integer(verdicts.count { $0 == verdict })
          })
    }
    return table
  }

  /// One row an operation and layer, with both means and the interval.
  public var longTable: Table {
    func number(_ key: String, _ title: String) -> Table.Column {
      Table.Column(key, title: title, kind: .number(.significant(4)))
    }
    var table = Table(
      title: title,
      columns: [
        Table.Column("operation", title: "operation", kind: .text),
        Table.Column("layer", title: "layer", kind: .integer), number("base_mean", base.label),
        number("mean", other.label), Table.Column("ratio", title: "ratio", kind: .estimate(.significant(3))),
        Table.Column("interval", title: "n", kind: .text),
      ], notes: notes)
    for cell in cells {
      table.append([
        .text(cell.operation), .integer(cell.layer), .number(cell.baseMean), .number(cell.mean),
        .estimate(cell.ratio), .text(cell.method.summary),
      ])
    }
    return table
  }

  var title: String {
    "\(subjects) of \(other.label) over those of \(base.label), \(statistic.title) over \(window.title)"
  }

  /// What is divided.
  private var subjects: String {
    switch statistic.subject {
    case .gradient: "Gradients"
    case .weights: "Weights"
    case .update, .updateOverWeights: "Updates"
    }
  }

  var normalizerSentence: String {
    switch normalizer {
    case .none: "Raw: divided by nothing."
    case .loss: "Each side's gradients are divided by its mean training loss over the window."
    case .total:
      "Each side's gradients are divided by its own \(statistic.title) over all gradients of its layers together."
    }
  }

  private var notes: [String] {
    var notes = [
      "Ratio of the window's means" + (pairCount > 1 ? ", geometric mean of \(pairCount) seeds" : "") + ". "
        + normalizerSentence,
      "> 1, < 1: layers whose 95 % interval lies above or below 1; ?: the others.",
    ]
    notes += methodNotes
    notes += caveats.map { $0.prefix(1).uppercased() + $0.dropFirst() + "." }
    return notes
  }

  private var pairCount: Int { min(base.runs.count, other.runs.count) }

  private var methodNotes: [String] {
    guard let method = cells.first?.method else { return [] }
    return switch method {
    case .seeds(let count): ["Intervals: Student's t on the logarithm over \(count) pairs of seeds."]
    case .steps(let runs, let records, _):
      [
        "Intervals: moving-block bootstrap over \(runs > 1 ? "\(runs) × " : "")\(records) steps, paired by step;"
          + " they say nothing about another seed."
      ]
    case .none(let reason): ["No intervals: \(reason)."]
    }
  }
}

extension GradientRatio.Cell {
  /// Whether a ratio is certainly above or below 1.
  public enum Verdict: Sendable {
    case larger, smaller, undecided
  }

  /// What the interval says; undecided without one.
  public var verdict: Verdict {
    guard let interval = ratio.interval else { return .undecided }
    if interval.lower > 1 { return .larger }
    return interval.upper < 1 ? .smaller : .undecided
  }
}
