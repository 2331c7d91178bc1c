import Documents
import RunData
import Statistics
import Text

extension SweepSummary {
  /// One row a combination, one estimate a column.
  public var table: Table {
    var table = Table(
      title: "\(report.title), side by side",
      columns: axes.map { Table.Column($0, title: $0, kind: .text) }
        + columns.map {
          Table.Column(Self.key($0.title), title: $0.title, kind: .estimate(.significant(3)), priority: 1)
        } + [Table.Column("note", title: "", kind: .text, audience: .unlessEmpty)],
      notes: notes)
    for row in rows {
      table.append(
        row.values.map { .text($0) } + row.numbers.map { .defined($0.estimate) } + [.text(note(on: row))])
    }
    return table
  }

  private func note(on row: Row) -> String {
    let bounds = zip(columns, row.numbers).filter { $1.isLowerBound }.map { "\($0.0.title): at least" }
    let missing = zip(columns, row.numbers).compactMap { column, value in
      value.isLowerBound ? nil : value.problem.map { "\(column.title): \($0)" }
    }
    return (bounds + missing + (row.note.isEmpty ? [] : [row.note])).joined(separator: "; ")
  }

  /// What readers of the table and of the figure have to know.
  var notes: [String] {
    // A folder that still fills has fewer of some combinations.
    let counts = report.cells.map(\.runs.count).filter { $0 > 0 }
    let (fewest, most) = (counts.min() ?? 0, counts.max() ?? 0)
    let seeds = fewest == most ? counted(most, "seed") : "\(fewest) to \(counted(most, "seed"))"
    let rule = report.intervals
    let intervals =
      fewest >= rule.fewestSeeds
      ? ", with 95 % intervals by \(rule.words)."
      : "; intervals, by \(rule.words), need \(rule.fewestSeeds == 3 ? "three" : "four") seeds."
    var notes = ["Means over \(seeds), of ratios the geometric one\(intervals)"]
    if let chosen = report.chosenAxis.map({ report.axes[$0] }),
      columns.contains(where: { $0.measurement.of[chosen] == nil })
    {
      notes.append("Where nothing else is said, each at its best \(chosen).")
    }
    return notes
  }

  /// A column's name in CSV and JSON: letters, digits and underscores.
  private static func key(_ title: String) -> String {
    title.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? String($0) : " " }.joined()
      .split(separator: " ").joined(separator: "_")
  }
}
