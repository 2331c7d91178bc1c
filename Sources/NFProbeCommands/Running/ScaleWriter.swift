import Analysis
import Charts
import Documents

/// Writes learned scales: tables to standard output, a figure where it was asked for, everything to a folder.
struct ScaleWriter {
  let view: ScaleViewOptions
  let output: OutputOptions

  private var console: Console { Console(isQuiet: output.quiet) }
  private var isForPrograms: Bool { view.format == .csv || view.format == .json }

  func write(_ report: ScaleReport) throws {
    // What cannot be had is said before anything is printed.
    let tables = try tables(of: report)
    let figure = try view.svg.map { _ in try drawn(view.figure, of: report) }
    let folder = output.out == nil ? nil : try OutputFolder(output, command: "scales")
    console.print(tables, as: view.format)
    if let svg = view.svg, let figure { try FigureFile.write(figure, to: svg) }
    if let folder { try writeFiles(report, into: folder) }
  }

  /// A reader gets the tables that belong together, a program one.
  private func tables(of report: ScaleReport) throws -> [Table] {
    let layers = try LayerSelection.parsed(view.layersShown)
    let distribution = try isForPrograms ? report.longTable : report.table(layers: layers)
    switch view.table {
    case .distribution: return [distribution]
    case .trend: return [report.trendTable(bySeed: isForPrograms)]
    case .drift:
      guard report.hasRuns else {
        throw CommandError.failed(
          "--table drift: only run files have snapshots over training, not checkpoints")
      }
      return [try report.driftTable(layers: isForPrograms ? .all : layers)]
    case .heads:
      guard let heads = report.headTable else {
        throw CommandError.failed("--table heads: there is no HeadScale γ (c_attn) here")
      }
      return [heads]
    case nil:
      guard !isForPrograms else { return [distribution] }
      // Where no head is listed, the trend's notes say so.
      let heads = report.headTable.flatMap { $0.rows.isEmpty ? nil : $0 }
      return [distribution, report.trendTable(bySeed: false)] + [heads].compactMap { $0 }
    }
  }

  private func drawn(_ figure: ScaleFigure, of report: ScaleReport) throws -> Figure {
    let (program, command) = (FigureFile.program, FigureFile.command)
    switch figure {
    case .boxes: return report.boxFigure(addsPaper: view.paper, program: program, command: command)
    case .drift:
      let layers = try LayerSelection.parsed(view.layersShown)
      guard let figure = try report.driftFigure(layers: layers, program: program, command: command) else {
        throw CommandError.failed(
          "--figure drift: only run files have snapshots over training, not checkpoints; --figure boxes shows these"
        )
      }
      return figure
    }
  }

  private func writeFiles(_ report: ScaleReport, into folder: OutputFolder) throws {
    var tables = [("scales", report.longTable), ("trend", report.trendTable(bySeed: true))]
    if report.hasRuns { tables.append(("drift", try report.driftTable(layers: .all))) }
    if let heads = report.headTable { tables.append(("heads", heads)) }
    for (name, table) in tables {
      try OutputFolder.write(table.rendered(as: .csv), to: folder.file("\(name).csv"))
    }
    for kind in ScaleFigure.allCases where kind == .boxes || report.hasRuns {
      try FigureFile.write(drawn(kind, of: report), to: folder.file("\(kind.rawValue).svg"))
    }
    console.progress("written to \(folder.path)")
  }
}
