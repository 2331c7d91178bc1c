import Analysis
import Documents

/// Writes a stability test: the table to standard output, table and figure to files.
struct StabilityWriter {
  let console: Console
  let format: TableFormat
  let svg: String?

  func write(_ report: StabilityReport, into folder: OutputFolder?) throws {
    let isForPrograms = format == .csv || format == .json
    console.print([isForPrograms ? report.longTable : report.table], as: format)
    if let svg { try writeFigure(report, to: svg) }
    guard let folder else { return }
    try OutputFolder.write(report.longTable.rendered(as: .csv), to: folder.file("stability.csv"))
    try writeFigure(report, to: folder.file("stability.svg"))
    console.progress("written to \(folder.path)")
  }

  private func writeFigure(_ report: StabilityReport, to path: String) throws {
    try FigureFile.write(report.figure(program: FigureFile.program, command: FigureFile.command), to: path)
  }
}
