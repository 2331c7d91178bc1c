import Documents
import RunData
import Statistics

extension MismatchCourse {
  /// One row a group and window.
  public var table: Table {
    let first = windows[0]
    var table = Table(
      title:
        "\(first.statistic.isOfGradient ? "Gradient mismatch" : "Mismatch") of \(first.operation) over time, "
        + first.statisticTitle,
      columns: [
        Table.Column("architecture", title: "architecture", kind: .text),
        Table.Column("window", title: "window", kind: .text),
        Table.Column("loss", title: "loss", kind: .number(.decimals(3)), priority: 1),
        Table.Column("early_late", title: "early/late", kind: .estimate(.significant(3)), priority: 3),
        Table.Column("spread", title: "spread", kind: .estimate(.significant(3)), priority: 3),
        Table.Column("slope", title: "slope", kind: .estimate(.decimals(2)), priority: 2),
        Table.Column("interval", title: "n", kind: .text),
      ], notes: notes)
    for index in labels.indices {
      for report in windows {
        let entry = report.entries[index]
        let start: [Table.Cell] = [
          .text(entry.group.label), .text("\(report.window)"), .number(entry.loss.loss),
        ]
        guard let mismatch = entry.mismatch else {
          table.append(start + Array(repeating: Table.Cell.missing, count: 4))
          continue
        }
        table.append(
          start + [
            .estimate(mismatch.earlyLate), .estimate(mismatch.spread), .estimate(mismatch.slope),
            .text(mismatch.method.summary),
          ])
      }
    }
    return table
  }

  /// Every group's spread against that of each before it: where they cross; without rows where nothing can be compared.
  public var crossingTable: Table {
    var table = Table(
      title: "Where the spreads of \(windows[0].operation) cross",
      columns: [
        Table.Column("architecture", title: "architecture", kind: .text),
        Table.Column("reference", title: "against", kind: .text),
        Table.Column("steps", title: "crosses at step", kind: .text),
        Table.Column("last_ratio", title: "spread / spread, last window", kind: .estimate(.significant(3))),
      ],
      notes: [
        "Geometric mean over seeds that both have; 95 % interval from three seeds on. Steps by straight lines between the"
          + " middles of windows. An interval that holds 1 leaves open which of the two is larger."
      ])
    for crossing in crossings {
      table.append([
        .text(crossing.label), .text(crossing.reference),
        .text(crossing.steps.isEmpty ? "never" : crossing.steps.map(String.init).joined(separator: ", ")),
        .estimate(crossing.last),
      ])
    }
    return table
  }

  private var notes: [String] {
    let percent = Int(100 * Self.tolerance)
    let settled = labels.indices.map { index in
      settledStep(ofGroup: index).map { "\(labels[index]) from step \($0) on" } ?? "\(labels[index]) not"
    }
    return [
      "Means over each window as in the table of one window; 95 % intervals over seeds from three on, else over steps.",
      "Settled, which is from where on the spread stays within \(percent) % of its mean over the windows that follow, three and two"
        + " fifths of all at least: \(settled.joined(separator: "; ")).",
    ]
  }
}
