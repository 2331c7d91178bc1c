import Analysis
import Charts
import Comparison

/// Writes a comparison: a table to standard output, all tables and figures to a folder where one was asked for.
struct ComparisonWriter {
  let command: CompareCommand

  private var console: Console { Console(isQuiet: command.output.quiet) }
  private var rowLimit: Int? { command.rows == 0 ? nil : command.rows }

  func write(_ comparison: CheckpointComparison) throws {
    try printTables(of: comparison)
    if let svg = command.svg {
      guard let figure = figure(command.figure, of: comparison) else {
        throw CommandError.failed("--figure \(command.figure.rawValue): no layer has what it would show")
      }
      try FigureFile.write(figure, to: svg)
    }
    if command.output.out != nil {
      try writeFiles(comparison, into: OutputFolder(command.output, command: "compare"))
    }
  }

  /// A reader gets what differs beside the numbers, too; a program one table.
  private func printTables(of comparison: CheckpointComparison) throws {
    let isForReaders = command.format != .csv && command.format != .json
    if command.table == nil, isForReaders, !comparison.findings.isEmpty {
      console.print(comparison.findingTable.rendered(as: command.format) + "\n")
    }
    console.print(table(of: comparison).rendered(as: command.format))
  }

  private func table(of comparison: CheckpointComparison) -> Table {
    switch command.table ?? .changes {
    case .changes: comparison.table(by: command.by, rowLimit: rowLimit)
    case .scales: comparison.scaleTable
    case .differences: comparison.findingTable
    case .spectra: comparison.findingTable
    }
  }

  private func figure(_ figure: ComparisonFigure, of comparison: CheckpointComparison) -> Figure? {
    let (program, command) = (FigureFile.program, FigureFile.command)
    return switch figure {
    case .changes: comparison.changeFigure(program: program, command: command)
    case .scales: comparison.scaleFigure(program: program, command: command)
    }
  }

  private func writeFiles(_ comparison: CheckpointComparison, into folder: OutputFolder) throws {
    let tables: [(name: String, table: Table)] = [
      ("layers", comparison.table(by: .layer)), ("operations", comparison.table(by: .operation)),
      ("tensors", comparison.table(by: .change)), ("scales", comparison.scaleTable),
      ("differences", comparison.findingTable),
    ]
    for (name, table) in tables {
      try OutputFolder.write(table.rendered(as: .csv), to: folder.file("\(name).csv"))
    }
    for kind in ComparisonFigure.allCases {
      guard let figure = figure(kind, of: comparison) else { continue }
      try FigureFile.write(figure, to: folder.file("\(kind.rawValue).svg"))
    }
    console.progress("written to \(folder.path)")
  }
}
