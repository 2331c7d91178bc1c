import Analysis
import ArgumentParser
import Charts
import CommandOptions
import CommandSupport
import Documents

/// The tables of a sweep.
enum SweepTable: String, ExpressibleByArgument, CaseIterable {
  case grid, best, crossings, runs
}

/// The figures of a sweep.
enum SweepFigure: String, ExpressibleByArgument, CaseIterable {
  case perplexity, curves
}

/// A sweep's report as `sweep` shows it.
struct SweepPresentation: Presentable {
  let report: SweepReport
  let view: SweepCommand

  func tables() throws -> [Table] {
    let kinds = view.table.map { [$0] } ?? (view.isForPrograms ? [.grid] : [.grid, .best, .crossings])
    let tables = kinds.compactMap(table)
    if let asked = view.table, tables.isEmpty {
      throw CommandError.failed("--table \(asked.rawValue): \(absence(of: asked))")
    }
    return tables
  }

  func figure() throws -> Figure? {
    guard let figure = figure(view.figure) else {
      throw CommandError.failed("--figure \(view.figure.rawValue): no run has been validated yet")
    }
    return figure
  }

  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    for kind in SweepTable.allCases {
      if let table = table(kind) { try write(.table(kind.rawValue, table)) }
    }
    for kind in SweepFigure.allCases {
      if let figure = figure(kind) { try write(.figure(kind.rawValue, figure)) }
    }
  }

  private func table(_ kind: SweepTable) -> Table? {
    switch kind {
    case .grid: report.table
    case .best: report.choiceTable
    case .crossings: report.crossingTable
    case .runs: report.runTable
    }
  }

  private func figure(_ kind: SweepFigure) -> Figure? {
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
