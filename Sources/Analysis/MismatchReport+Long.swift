import Documents
import RunData
import Statistics

extension MismatchReport {
  /// Every number of the report, one a row: the content of `mismatch.csv`.
  ///
  /// `quantity` is `mean` (with a layer), `early_late`, `spread`, `slope` or `loss`. Rows with a seed and a run id are of
  /// that run alone, the others of the whole group. First and last step are the outermost recorded ones in the window.
  public var longTable: Table {
    var table = Table(title: "Gradient mismatch of \(operation)", columns: Self.longColumns)
    for entry in entries {
      for row in groupRows(entry) { table.append(row) }
      for row in runRows(entry) { table.append(row) }
    }
    return table
  }

  private static let longColumns: [Table.Column] = [
    Table.Column("architecture", title: "architecture", kind: .text),
    Table.Column("label", title: "label", kind: .text),
    Table.Column("seed", title: "seed", kind: .text),
    Table.Column("run", title: "run", kind: .text),
    Table.Column("operation", title: "operation", kind: .text),
    Table.Column("statistic", title: "statistic", kind: .text),
    Table.Column("window", title: "window", kind: .text),
    Table.Column("first_step", title: "first step", kind: .integer),
    Table.Column("last_step", title: "last step", kind: .integer),
    Table.Column("recorded_steps", title: "recorded steps", kind: .integer),
    Table.Column("quantity", title: "quantity", kind: .text),
    Table.Column("layer", title: "layer", kind: .integer),
    Table.Column("value", title: "value", kind: .estimate(.significant(6))),
    Table.Column("interval", title: "interval over", kind: .text),
    Table.Column("n", title: "n", kind: .integer),
    Table.Column("block_length", title: "block length", kind: .integer),
  ]

  /// One number of a group or of a run.
  private struct Quantity {
    var name: String
    var layer: Int?
    var value: Estimate
  }

  private func groupRows(_ entry: Entry) -> [[Table.Cell]] {
    var quantities: [Quantity] = []
    if let mismatch = entry.mismatch {
      quantities = zip(mismatch.layers, mismatch.means).map { Quantity(name: "mean", layer: $0, value: $1) }
      quantities.append(Quantity(name: "early_late", value: mismatch.earlyLate))
      quantities.append(Quantity(name: "spread", value: mismatch.spread))
      quantities.append(Quantity(name: "slope", value: mismatch.slope))
    }
    quantities.append(Quantity(name: "loss", value: Estimate(value: entry.loss.loss, interval: nil)))
    let records = entry.mismatch?.recordCounts.min()
    return quantities.map { longRow(entry, seed: "", run: "", records: records, $0) }
  }

  private func runRows(_ entry: Entry) -> [[Table.Cell]] {
    guard let mismatch = entry.mismatch else { return [] }
    return entry.group.runs.indices.flatMap { index in
      let manifest = entry.group.runs[index].manifest
      return zip(mismatch.layers, mismatch.runMeans[index]).map { layer, mean in
        longRow(
          entry, seed: "\(manifest.seed)", run: manifest.runID, records: mismatch.recordCounts[index],
          Quantity(name: "mean", layer: layer, value: Estimate(value: mean, interval: nil)))
      }
    }
  }

  private func longRow(
    _ entry: Entry, seed: String, run: String, records: Int?, _ quantity: Quantity
  ) -> [Table.Cell] {
    var (interval, count, blockLength): (String, Table.Cell, Table.Cell) = ("", .missing, .missing)
    if quantity.value.interval != nil, let method = entry.mismatch?.method {
      switch method {
      case .seeds(let seeds): (interval, count) = ("seeds", .integer(seeds))
      case .steps(_, let records, let length):
        (interval, count, blockLength) = ("steps", .integer(records), .integer(length))
      case .none: break
      }
    }
    let steps = entry.mismatch?.recordedSteps
    return [
      .text(entry.group.manifest.architecture), .text(entry.group.label), .text(seed), .text(run),
      .text(operation), .text(statistic.rawValue), .text("\(window)"),
      .integer(steps?.lowerBound ?? window.lower),
      (steps?.upperBound ?? window.upper.map { $0 - 1 }).map(Table.Cell.integer) ?? .missing,
      records.map(Table.Cell.integer) ?? .missing, .text(quantity.name),
      quantity.layer.map(Table.Cell.integer) ?? .missing, .estimate(quantity.value), .text(interval), count,
      blockLength,
    ]
  }
}
