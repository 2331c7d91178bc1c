import Charts
import Documents
import RunData
import Statistics

/// The mismatch of every operation of some groups over one window, and their means as a map of operation by layer.
public struct OperationReport: Sendable {
  /// The report of one operation, of which it has groups, statistic and window.
  public let base: MismatchReport
  let found: [OperationMismatch]

  /// Measures every operation.
  /// - Parameter gradients: reads more of the runs; called a few tensors at a time.
  /// - Throws: what `gradients` throws.
  public init(_ base: MismatchReport, gradients: RunReport.GradientReading) throws {
    self.base = base
    found = try RunReport.operations(base.entries.map(\.group), .success(base), gradients)
  }

  private var groups: [RunGroup] { base.entries.map(\.group) }

  private var operations: [String] {
    RunReport.names(groups).filter { name in found.contains { $0.operation == name } }
  }

  /// One row an operation and group.
  public var table: Table {
    var table = Table(
      title: "Mismatch of every operation, \(base.statistic.title) over \(base.window.title)",
      columns: [
        Table.Column("operation", title: "operation", kind: .text),
        Table.Column("architecture", title: "architecture", kind: .text),
        Table.Column("early_late", title: "early/late", kind: .estimate(.significant(3)), priority: 3),
        Table.Column("spread", title: "spread", kind: .estimate(.significant(3)), priority: 3),
        Table.Column("slope", title: "slope", kind: .estimate(.decimals(2)), priority: 2),
        Table.Column("interval", title: "n", kind: .text),
      ])
    for row in found {
      table.append([
        .text(row.operation), .text(row.group.label), .estimate(row.mismatch.earlyLate),
        .estimate(row.mismatch.spread), .estimate(row.mismatch.slope), .text(row.mismatch.method.summary),
      ])
    }
    return table
  }

  /// Operations from top to bottom, layers from left to right, one panel a group.
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func figure(program: String, command: String) -> Figure {
    let names = operations
    let extent = Extent(of: found.flatMap { $0.mismatch.means.map(\.value) }) { $0.isFinite && $0 > 0 }
    let colors = ColorScale(Scale.covering(extent, kind: .log10, padding: 0))
    let panels = groups.map { group in
      Panel(
        title: group.label, xTitle: "layer", yTitle: "", xIsWhole: true, yCategories: names.reversed(),
        marks: [CellsMark("mean \(base.statistic.title)", cells: cells(group, names), colors: colors)])
    }
    return Figure(
      width: .page, rows: panels.map { [$0] }, sharesY: false, panelHeight: Double(max(4, names.count)) * 9,
      colorBar: extent.map { _ in ColorBar("mean \(base.statistic.title)", colors: colors) },
      notes: ["Mean \(base.statistic.title) of each operation's gradient over \(base.window.title)."],
      metadata: Metadata(
        title: "Gradients by operation and layer, \(base.statistic.title) over \(base.window.title)",
        description:
          "One panel a group of runs; operations downward, layers from left to right; darker is larger.",
        program: program, command: command, runIDs: groups.flatMap { $0.runs.map(\.manifest.runID) },
        facts: [("statistic", base.statistic.rawValue), ("window", "\(base.window)")]))
  }

  private func cells(_ group: RunGroup, _ names: [String]) -> [CellsMark.Cell] {
    found.filter { $0.group.label == group.label }.flatMap { row in
      zip(row.mismatch.layers, row.mismatch.means).compactMap { layer, mean in
        guard mean.value.isFinite, mean.value > 0, let place = names.firstIndex(of: row.operation) else {
          return nil
        }
        return CellsMark.Cell(column: layer, row: names.count - 1 - place, value: mean.value)
      }
    }
  }
}
