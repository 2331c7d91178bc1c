import Analysis
import Charts
import Documents

/// Writes outputs and heads: tables to standard output, a figure where it was asked for, everything to a folder.
struct ActivationWriter {
  let view: ActivationViewOptions
  let output: OutputOptions

  private var console: Console { Console(isQuiet: output.quiet) }
  private var isForPrograms: Bool { view.format == .csv || view.format == .json }

  func write(_ report: OutputReport) throws {
    // What cannot be had is said before anything is printed.
    let tables = try tables(of: report)
    let figure = try view.svg.map { _ in try drawn(view.figure, of: report) }
    let folder = output.out == nil ? nil : try OutputFolder(output, command: "activations")
    console.print(tables, as: view.format)
    if let svg = view.svg, let figure { try FigureFile.write(figure, to: svg) }
    if let folder { try writeFiles(report, into: folder) }
  }

  /// A reader gets the tables that belong together, a program one.
  private func tables(of report: OutputReport) throws -> [Table] {
    let outputs = isForPrograms ? report.longTable : report.table
    let heads = isForPrograms ? report.longHeadTable : report.headTable
    switch view.table {
    case .outputs: return [outputs]
    case .heads:
      guard let heads else { throw Self.missingHeads("--table heads") }
      return [heads]
    case nil: return [outputs] + (isForPrograms ? [] : [heads].compactMap(\.self))
    }
  }

  private func drawn(_ kind: ActivationFigure, of report: OutputReport) throws -> Figure {
    guard let drawn = figure(kind, of: report) else {
      throw kind == .heads
        ? Self.missingHeads("--figure heads")
        : CommandError.failed("--figure \(kind.rawValue): nothing that is shown lies in the layers")
    }
    return drawn
  }

  private func figure(_ kind: ActivationFigure, of report: OutputReport) -> Figure? {
    let (program, command) = (FigureFile.program, FigureFile.command)
    return switch kind {
    case .map: report.mapFigure(program: program, command: command)
    case .lines: report.lineFigure(program: program, command: command)
    case .heads: report.headFigure(program: program, command: command)
    }
  }

  private static func missingHeads(_ option: String) -> CommandError {
    .failed("\(option): the runs have recorded no heads of attention")
  }

  private func writeFiles(_ report: OutputReport, into folder: OutputFolder) throws {
    try OutputFolder.write(report.longTable.rendered(as: .csv), to: folder.file("outputs.csv"))
    if let heads = report.longHeadTable {
      try OutputFolder.write(heads.rendered(as: .csv), to: folder.file("heads.csv"))
    }
    for kind in ActivationFigure.allCases {
      guard let figure = figure(kind, of: report) else { continue }
      try FigureFile.write(figure, to: folder.file("activations-\(kind.rawValue).svg"))
    }
    console.progress("written to \(folder.path)")
  }
}
