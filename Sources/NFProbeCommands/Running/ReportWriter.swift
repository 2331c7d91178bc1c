import Analysis
import RunData

/// Writes a mismatch: the table to standard output, table and figure to files.
struct ReportWriter {
  let console: Console
  let options: MismatchOptions

  /// For recorded runs: files only where they were asked for.
  func write(_ runs: [RecordedRun], out: OutputOptions) throws {
    let report = try options.report(on: runs)
    console.print(report.table.rendered(as: options.format))
    if out.out != nil { try writeFiles(report, into: OutputFolder(out, command: "grads")) }
    try writeFigure(report)
  }

  /// For runs just made.
  func write(_ runs: [RecordedRun], into folder: OutputFolder) throws {
    let report = try options.report(on: runs)
    console.print(report.table.rendered(as: options.format))
    try writeFiles(report, into: folder)
    try writeFigure(report)
  }

  private func writeFiles(_ report: MismatchReport, into folder: OutputFolder) throws {
    try OutputFolder.write(report.longTable.rendered(as: .csv), to: folder.file("mismatch.csv"))
    console.progress("written to \(folder.path)")
  }

  private func writeFigure(_ report: MismatchReport) throws {}
}
