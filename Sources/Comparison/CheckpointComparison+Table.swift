import Analysis
import Charts
import Checkpoints
import Documents
import Kernels
import Statistics
import Text

extension CheckpointComparison {
  /// How the two differ, by layer, by operation, or tensor by tensor with the largest change first.
  ///
  /// - Parameter rowLimit: the most rows of a table by change; nil for all.
  public func table(by grouping: Grouping, rowLimit: Int? = nil) -> Table {
    var groups = measurement.groups(by: grouping)
    var notes = notes
    if grouping == .change {
      groups = sortedByChange(groups)
      if let rowLimit, groups.count > rowLimit {
        notes.append("The \(rowLimit) largest relative differences of \(groups.count) tensors.")
        groups = Array(groups.prefix(rowLimit))
      }
    } else {
      groups.append(measurement.whole)
    }
    var table = Table(title: title(grouping), columns: columns(grouping), notes: notes)
    for group in groups { table.append(row(group)) }
    return table
  }

  private func title(_ grouping: Grouping) -> String {
    let order = grouping == .change ? "tensor by tensor" : "by \(grouping.rawValue)"
    return "Differences from A to B, \(order)"
  }

  /// Undefined differences first: nothing is known to be larger.
  private func sortedByChange(_ groups: [ComparedGroup]) -> [ComparedGroup] {
    func key(_ group: ComparedGroup) -> Double {
      guard let sums = group.sums(pair: 0) else { return 0 }
      if sums.unchanged == sums.count { return 0 }
      let difference = group.statistics(pair: 0)?.relativeDifference ?? .nan
      return difference.isNaN ? .infinity : difference
    }
    // Equal ones stay in the order in which data pass them.
    let keys = groups.map(key)
    let order = groups.indices.sorted { keys[$0] != keys[$1] ? keys[$0] > keys[$1] : $0 < $1 }
    return order.map { groups[$0] }
  }

  // MARK: - Columns

  private func columns(_ grouping: Grouping) -> [Table.Column] {
    func number(
      _ key: String, _ title: String, _ precision: Table.Precision = .significant(3),
      _ audience: Table.Audience = .everyone, priority: Int = 0
    ) -> Table.Column {
      Table.Column(key, title: title, kind: .number(precision), audience: audience, priority: priority)
    }
    func data(_ key: String, _ kind: Table.Kind = .number(.significant(6))) -> Table.Column {
      Table.Column(key, title: key, kind: kind, audience: .data)
    }
    let layer = Table.Column(
      "layer", title: "layer", kind: .text, audience: grouping == .operation ? .data : .everyone)
    // A table has to fit a terminal of 100 columns: where the yardstick is shown, what it is not about goes.
    let withoutNoise: Table.Audience = noisePairs.isEmpty ? .everyone : .data
    let operation = Table.Column(
      "operation", title: "operation", kind: .text, audience: grouping == .layer ? .data : .everyone)
    return [
      layer, operation, data("tensor", .text), data("tensors", .integer),
      Table.Column(
        "elements", title: "elements", kind: .integer, audience: grouping == .layer ? .everyone : .data),
      data("l1_a"), data("l1_b"), data("l2_a"), data("l2_b"),
      number("rms_a", "rms A", .significant(3), withoutNoise, priority: -1),
      number(
        "rms_b", "rms B", .significant(3), grouping == .change ? .data : withoutNoise, priority: -1),
      number("log10_l2_ratio", "log10 B/A", .decimals(4), withoutNoise),
      number("relative_difference", "rel. diff.", priority: 1),
      number("cosine", "cosine", .decimals(5), withoutNoise),
      number("max_difference", "max diff."),
      data("max_difference_tensor", .text), data("max_difference_index", .text),
      number("unchanged", "same", .decimals(3)), data("nonfinite_a", .integer), data("nonfinite_b", .integer),
    ] + noiseColumns + [Table.Column("mark", title: "mark", kind: .text, audience: .unlessEmpty, priority: 1)]
  }

  private var noiseColumns: [Table.Column] {
    guard !noisePairs.isEmpty else { return [] }
    return [
      Table.Column("noise", title: "noise", kind: .number(.significant(3))),
      Table.Column("noise_ratio", title: "/ noise", kind: .estimate(.significant(3)), priority: 1),
    ]
  }

  // MARK: - Rows

  private func row(_ group: ComparedGroup) -> [Table.Cell] {
    func number(_ value: Double?) -> Table.Cell {
      group.hasNumbers ? value.map(Table.Cell.number) ?? .missing : .missing
    }
    let found = group.statistics(pair: 0)
    let sums = group.sums(pair: 0)
    let largest = group.largestDifference(pair: 0)
    let yardstick = yardstick(group)
    let noise: [Table.Cell] =
      noisePairs.isEmpty
      ? [] : [number(yardstick?.noise), yardstick.map { .estimate($0.ratio) } ?? .missing]
    return [
      .text(group.layer), .text(group.operation), .text(group.fullName), .integer(group.tensorCount),
      .integer(group.elementCount), number(found?.first.l1), number(found?.second.l1),
      number(found?.first.l2), number(found?.second.l2), number(found?.first.rms),
      number(found?.second.rms), number(found?.logRatio), number(found?.relativeDifference),
      number(found?.cosine), number(found?.largestDifference),
      largest.map { .text($0.label.fullName) } ?? .missing,
      largest.map { .text("[" + $0.index.map(String.init).joined(separator: ", ") + "]") } ?? .missing,
      .number(group.unchangedShare(pair: 0)), .integer(sums?.first.nonfinite ?? 0),
      .integer(sums?.second.nonfinite ?? 0),
    ] + noise + [.text(mark(group, yardstick))]
  }

  private func mark(_ group: ComparedGroup, _ yardstick: NoiseYardstick?) -> String {
    var marks: [String] = []
    let above = group.members.count(where: isAboveThreshold)
    if above > 0 { marks.append(group.members.count == 1 ? "!" : "\(above)!") }
    if yardstick?.isAboveNoise == true { marks.append("*") }
    return marks.joined(separator: " ")
  }

  // MARK: - Notes

  /// What a reader of any table has to know: which file is which, definitions, whose names.
  var notes: [String] {
    let sides = measurement.sides
    var notes = ["A: \(sides[0].title). B: \(sides[1].title)."]
    if isIdentical {
      let count = measurement.whole.elementCount
      notes.append("A and B are identical: all \(count) elements have the same bits.")
    }
    notes.append(
      "log10 B/A: of the L2 norms. rel. diff.: ||B - A|| / ||A||, L2 norms. max diff.: the largest |b - a|. same: share of"
        + " elements with the same bits. Rows of several tensors are of merged sums.")
    if let threshold {
      notes.append(
        "!: rel. diff. above the threshold of \(NumberText.shortest(threshold)); with a number, so many of the row's tensors."
      )
    }
    return notes + noiseNotes + nameNotes
  }

  private var noiseNotes: [String] {
    guard !noisePairs.isEmpty else { return [] }
    let seeds = measurement.sides.dropFirst(2).map(\.title).joined(separator: ", ")
    let interval =
      noiseCount > 2
      ? " Interval: 95 %, Student's t over the jackknife's pseudo-values of the \(noiseCount) seeds; *: it lies above 1."
      : " Two seeds give no interval; *: the ratio is above 1."
    return [
      "/ noise: rel. diff. over that between seeds (\(seeds)), the geometric mean of \(noisePairs.count) pairs.\(interval)"
    ]
  }

  private var nameNotes: [String] {
    let own = measurement.tensors.filter { !$0.label.isPlace }
    var notes: [String] = []
    if !own.isEmpty {
      let count = own.count == 1 ? "1 tensor has" : "\(own.count) tensors have"
      notes.append(
        "\(count) a name that no known library uses, and \(own.count == 1 ? "is" : "are") matched by that name alone."
      )
    }
    if measurement.tensors.contains(where: \.isTiedCopy) {
      notes.append("Tied tensors are counted once in rows of several tensors.")
    }
    if let scales = measurement.sides.prefix(2).first(where: \.holdsOnlyScales) {
      notes.append("\(scales.title) is a run: only its gains and scales are compared.")
    }
    let traps = measurement.sides.prefix(2).flatMap { $0.view.adapter == nil ? [] : $0.view.notes }
    notes += measurement.sides.prefix(2).flatMap(\.view.checkpoint.notes).map { $0 + "." }
    return notes + traps.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }.map { $0 + "." }
  }
}
