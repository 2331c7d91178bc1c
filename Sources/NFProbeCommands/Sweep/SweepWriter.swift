import Analysis
import ArgumentParser
import Charts
import Documents

/// The tables of a sweep.
enum SweepTable: String, ExpressibleByArgument, CaseIterable {
  case grid, best, crossings, runs
}

/// The figures of a sweep.
enum SweepFigure: String, ExpressibleByArgument, CaseIterable {
  case perplexity, curves
}

/// Shows a sweep's report and writes it to files.
struct SweepWriter {
  let command: SweepCommand
  let console: Console

  /// Prints the tables that were asked for, and writes the figure of `--svg`.
  func show(_ report: SweepReport) throws {
    let isForPrograms = command.format == .csv || command.format == .json
    let kinds = command.table.map { [$0] } ?? (isForPrograms ? [.grid] : [.grid, .best, .crossings])
    let tables = kinds.compactMap { table($0, of: report) }
    if let asked = command.table, tables.isEmpty {
      throw CommandError.failed("--table \(asked.rawValue): \(absence(of: asked))")
    }
    console.print(tables, as: command.format)
    guard let svg = command.svg else { return }
    guard let figure = figure(command.figure, of: report) else {
      throw CommandError.failed("--figure \(command.figure.rawValue): no run has been validated yet")
    }
    try FigureFile.write(figure, to: svg)
  }

  /// Writes every table and figure that there is.
  func write(_ report: SweepReport, into folder: OutputFolder) throws {
    for kind in SweepTable.allCases {
      guard let table = table(kind, of: report) else { continue }
      try OutputFolder.write(table.rendered(as: .csv), to: folder.file("\(kind.rawValue).csv"))
    }
    for kind in SweepFigure.allCases {
      guard let figure = figure(kind, of: report) else { continue }
      try FigureFile.write(figure, to: folder.file("\(kind.rawValue).svg"))
    }
    console.progress("written to \(folder.path)")
  }

  private func table(_ kind: SweepTable, of report: SweepReport) -> Table? {
    switch kind {
    case .grid: report.table
    case .best: report.choiceTable
    case .crossings: report.crossingTable
    case .runs: report.runTable
    }
  }

  private func figure(_ kind: SweepFigure, of report: SweepReport) -> Figure? {
    switch kind {
    case .perplexity: report.perplexityFigure(program: FigureFile.program, command: FigureFile.command)
    case .curves: report.curveFigure(program: FigureFile.program, command: FigureFile.command)
    }
  }

  private func absence(of table: SweepTable) -> String {
    switch table {
    case .best: "the sweep's file chooses along no axis (`choose: lr`)"
    case .crossings: "there is no baseline, or no combination reaches its lowest loss"
    case .grid, .runs: "there are no runs"
    }
  }
}
