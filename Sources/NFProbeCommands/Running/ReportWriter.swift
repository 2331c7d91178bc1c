import Analysis
import Documents
import RunData

/// Writes a mismatch: the table to standard output, table and figure to files.
struct ReportWriter {
  let console: Console
  let options: MismatchOptions
  let operation: String

  /// For recorded runs: files only where they were asked for.
  func write(_ runs: [RecordedRun], out: OutputOptions) throws {
    if options.overTime {
      return try writeCourse(of: runs, into: out.out == nil ? nil : OutputFolder(out, command: "grads"))
    }
    let report = try options.report(on: runs, operation: operation)
    printTables(of: report)
    if out.out != nil { try writeFiles(report, into: OutputFolder(out, command: "grads")) }
    if let svg = options.svg { try writeFigure(report, to: svg) }
  }

  /// For runs just made.
  func write(_ runs: [RecordedRun], into folder: OutputFolder) throws {
    if options.overTime { return try writeCourse(of: runs, into: folder) }
    let report = try options.report(on: runs, operation: operation)
    printTables(of: report)
    try writeFiles(report, into: folder)
    if let svg = options.svg { try writeFigure(report, to: svg) }
  }

  /// The mismatch by windows along the runs, and where groups cross.
  private func writeCourse(of runs: [RecordedRun], into folder: OutputFolder?) throws {
    let course = try options.course(of: runs, operation: operation)
    let isForReaders = options.format != .csv && options.format != .json
    let crossings = course.crossingTable
    console.print(
      [course.table] + (isForReaders && !crossings.rows.isEmpty ? [crossings] : []), as: options.format)
    let figure = course.figure(program: FigureFile.program, command: FigureFile.command)
    if let folder {
      try OutputFolder.write(course.table.rendered(as: .csv), to: folder.file("over-time.csv"))
      try OutputFolder.write(crossings.rendered(as: .csv), to: folder.file("crossings.csv"))
      try FigureFile.write(figure, to: folder.file("over-time.svg"))
      console.progress("written to \(folder.path)")
    }
    if let svg = options.svg { try FigureFile.write(figure, to: svg) }
  }

  /// The spreads against each other, where there are seeds enough for intervals.
  private func spreads(of report: MismatchReport) -> Table? {
    let seedCount = report.entries.map(\.group.runs.count).max() ?? 0
    let table = report.spreadTable
    return seedCount >= 3 && !table.rows.isEmpty ? table : nil
  }

  /// A reader gets both tables, a program the first alone.
  private func printTables(of report: MismatchReport) {
    let isForReaders = options.format != .csv && options.format != .json
    let spreads = isForReaders ? spreads(of: report) : nil
    console.print([report.table] + [spreads].compactMap(\.self), as: options.format)
    for movement in report.movements { console.progress("\(movement); --over-time shows the course") }
  }

  private func writeFiles(_ report: MismatchReport, into folder: OutputFolder) throws {
    try OutputFolder.write(report.longTable.rendered(as: .csv), to: folder.file("mismatch.csv"))
    if let spreads = spreads(of: report) {
      try OutputFolder.write(spreads.rendered(as: .csv), to: folder.file("spread.csv"))
    }
    try writeFigure(report, to: folder.file("mismatch.svg"))
    console.progress("written to \(folder.path)")
  }

  private func writeFigure(_ report: MismatchReport, to path: String) throws {
    try FigureFile.write(
      report.figure(addsPaper: options.paper, program: FigureFile.program, command: FigureFile.command),
      to: path)
  }
}
