import Analysis
import Charts
import Documents
import Kernels

/// Three or more checkpoints of one training, in their order: how far each step goes, and how far it leads from the first.
public struct CheckpointPath: Sendable {
  let measurement: Measurement
  private let notInCommon: [String]

  /// Compares neighbours, and each checkpoint with the first, in one pass over all files.
  ///
  /// - Precondition: there are three checkpoints or more.
  /// - Throws: ``ComparisonError`` where the first two have nothing in common, and where a file cannot be read.
  public init(_ sides: [ComparisonSide], team: Team) throws {
    precondition(sides.count > 2, "a path takes three checkpoints")
    let steps = (1..<sides.count).map { (first: $0 - 1, second: $0) }
    let distances = (2..<sides.count).map { (first: 0, second: $0) }
    measurement = try Measurement(sides, pairs: steps + distances, team: team)
    notInCommon = (1..<sides.count).compactMap { index in
      let excluded = ComparisonPlan([sides[0], sides[index]]).findings.filter(\.kind.excludes)
      guard !excluded.isEmpty else { return nil }
      return "\(excluded.count) tensors are not in checkpoints 1 and \(index + 1) alike, and left out there."
    }
  }

  /// The number of checkpoints.
  var count: Int { measurement.sides.count }

  /// The pair of a step, counted from 1: from checkpoint `step` to the next one.
  func stepPair(_ step: Int) -> Int { step - 1 }

  /// The pair of a checkpoint, counted from 1, with the first one.
  func distancePair(_ checkpoint: Int) -> Int { checkpoint == 2 ? 0 : count - 1 + checkpoint - 3 }

  /// The relative difference of every step, one row a group and one column a step.
  public func stepTable(by grouping: Grouping) -> Table {
    table(by: grouping, title: "Relative difference of each step", prefix: "step") { step in
      (step, step + 1, stepPair(step))
    }
  }

  /// The relative difference of every checkpoint from the first, one row a group and one column a checkpoint.
  public func distanceTable(by grouping: Grouping) -> Table {
    table(by: grouping, title: "Relative difference from the first checkpoint", prefix: "distance") { step in
      (1, step + 1, distancePair(step + 1))
    }
  }

  private func table(
    by grouping: Grouping, title: String, prefix: String, _ pair: (Int) -> (from: Int, to: Int, pair: Int)
  ) -> Table {
    let pairs = (1..<count).map(pair)
    let columns = pairs.enumerated().map { index, pair in
      Table.Column(
        "\(prefix)_\(pair.from)_\(pair.to)", title: "\(pair.from) to \(pair.to)",
        kind: .number(.significant(3)), audience: isShown(index) ? .everyone : .data)
    }
    var table = Table(
      title: "\(title), by \(grouping == .change ? "tensor" : grouping.rawValue)",
      columns: groupColumns(grouping) + columns, notes: notes)
    for group in groups(by: grouping) {
      let numbers = pairs.map { pair in
        group.statistics(pair: pair.pair).map { Table.Cell.number($0.relativeDifference) } ?? .missing
      }
      table.append([.text(group.layer), .text(group.operation)] + numbers)
    }
    return table
  }

  /// A terminal of 100 columns has room for seven numbers beside a name.
  private func isShown(_ index: Int) -> Bool { count <= 8 || index < 3 || index >= count - 5 }

  private func groupColumns(_ grouping: Grouping) -> [Table.Column] {
    [
      Table.Column(
        "layer", title: "layer", kind: .text, audience: grouping == .operation ? .data : .everyone),
      Table.Column(
        "operation", title: "operation", kind: .text, audience: grouping == .layer ? .data : .everyone),
    ]
  }

  func groups(by grouping: Grouping) -> [ComparedGroup] {
    measurement.groups(by: grouping) + (grouping == .change ? [] : [measurement.whole])
  }

  /// Both relative differences of every group and step, one a row: for programs.
  public func longTable(by grouping: Grouping) -> Table {
    func number(_ key: String) -> Table.Column {
      Table.Column(key, title: key, kind: .number(.significant(6)))
    }
    var table = Table(
      title: "Path of \(count) checkpoints",
      columns: [
        Table.Column("layer", title: "layer", kind: .text),
        Table.Column("operation", title: "operation", kind: .text),
        Table.Column("from", title: "from", kind: .text), Table.Column("to", title: "to", kind: .text),
        number("relative_difference"), number("cosine"), number("distance_from_first"),
      ])
    for group in groups(by: grouping) {
      for step in 1..<count {
        let own = group.statistics(pair: stepPair(step))
        let distance = group.statistics(pair: distancePair(step + 1))
        table.append(
          [.text(group.layer), .text(group.operation)]
            + [step - 1, step].map { .text(measurement.sides[$0].title) }
            + [own?.relativeDifference, own?.cosine, distance?.relativeDifference].map {
              $0.map(Table.Cell.number) ?? .missing
            })
      }
    }
    return table
  }

  private var notes: [String] {
    let titles = measurement.sides.enumerated().map { "\($0 + 1): \($1.title)" }.joined(separator: ". ")
    let hidden = count > 8 ? ["CSV and JSON have the columns that are left out here."] : []
    return [titles + ".", "Relative difference from A to B: ||B - A|| / ||A||, L2 norms of merged sums."]
      + notInCommon + hidden
  }
}
