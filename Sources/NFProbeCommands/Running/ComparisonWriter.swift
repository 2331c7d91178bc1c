import Analysis
import Charts
import Comparison
import Documents

/// Writes a comparison: a table to standard output, all tables and figures to a folder where one was asked for.
struct ComparisonWriter {
  let command: CompareCommand

  private var console: Console { Console(isQuiet: command.output.quiet) }
  private var rowLimit: Int? { command.rows == 0 ? nil : command.rows }

  func write(_ comparison: CheckpointComparison, _ spectra: SpectralComparison?) throws {
    let folder = try outputFolder()
    try printTables(of: comparison, spectra)
    if let svg = command.svg {
      guard let figure = figure(command.figure, of: comparison) else {
        throw CommandError.failed("--figure \(command.figure.rawValue): no layer has what it would show")
      }
      try FigureFile.write(figure, to: svg)
    }
    if let folder { try writeFiles(comparison, spectra, into: folder) }
  }

  /// Files are written only where a folder was asked for; one that is not free is refused before anything is printed.
  private func outputFolder() throws -> OutputFolder? {
    command.output.out == nil ? nil : try OutputFolder(command.output, command: "compare")
  }

  /// A reader gets what differs beside the numbers, too; a program one table.
  private func printTables(of comparison: CheckpointComparison, _ spectra: SpectralComparison?) throws {
    let isForReaders = command.format != .csv && command.format != .json
    if command.table == nil, isForReaders, !comparison.findings.isEmpty {
      console.print([comparison.findingTable], as: command.format)
      console.print("")
    }
    let tables: [Table?] =
      switch command.table {
      case .changes: [comparison.table(by: command.by, rowLimit: rowLimit)]
      case .scales: [comparison.scaleTable]
      case .differences: [comparison.findingTable]
      case .spectra: [spectra?.table]
      case nil:
        [comparison.table(by: command.by, rowLimit: rowLimit)] + (isForReaders ? [spectra?.table] : [])
      }
    console.print(tables.compactMap(\.self), as: command.format)
  }

  private func figure(_ figure: ComparisonFigure, of comparison: CheckpointComparison) -> Figure? {
    let (program, command) = (FigureFile.program, FigureFile.command)
    return switch figure {
    case .changes: comparison.changeFigure(program: program, command: command)
    case .scales: comparison.scaleFigure(program: program, command: command)
    }
  }

  private func writeFiles(
    _ comparison: CheckpointComparison, _ spectra: SpectralComparison?, into folder: OutputFolder
  ) throws {
    var tables: [(name: String, table: Table)] = [
      ("layers", comparison.table(by: .layer)), ("operations", comparison.table(by: .operation)),
      ("tensors", comparison.table(by: .change)), ("scales", comparison.scaleTable),
      ("differences", comparison.findingTable),
    ]
    if let spectra { tables.append(("spectra", spectra.table)) }
    for (name, table) in tables {
      try OutputFolder.write(table.rendered(as: .csv), to: folder.file("\(name).csv"))
    }
    for kind in ComparisonFigure.allCases {
      guard let figure = figure(kind, of: comparison) else { continue }
      try FigureFile.write(figure, to: folder.file("\(kind.rawValue).svg"))
    }
    console.progress("written to \(folder.path)")
  }

  /// A reader gets a table a question, a program all numbers in one.
  func write(_ path: CheckpointPath) throws {
    let folder = try outputFolder()
    if command.format == .csv || command.format == .json {
      console.print([path.longTable(by: command.by)], as: command.format)
    } else {
      console.print([path.stepTable(by: command.by), path.distanceTable(by: command.by)], as: command.format)
    }
    let figure = path.figure(program: FigureFile.program, command: FigureFile.command)
    if let svg = command.svg { try FigureFile.write(figure, to: svg) }
    guard let folder else { return }
    for (name, grouping) in [
      ("path-layers", Grouping.layer), ("path-operations", .operation), ("path-tensors", .change),
    ] {
      try OutputFolder.write(path.longTable(by: grouping).rendered(as: .csv), to: folder.file("\(name).csv"))
    }
    try FigureFile.write(figure, to: folder.file("path.svg"))
    console.progress("written to \(folder.path)")
  }
}
