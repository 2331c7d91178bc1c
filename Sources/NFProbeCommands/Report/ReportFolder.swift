import Analysis
import Charts
import Foundation

/// Writes a report: every part into a folder, what matters most to standard output.
struct ReportFolder {
  let console: Console

  func write(_ report: RunReport, _ output: OutputOptions) throws {
    let document = report.document
    let html = document.html()
    let folder = try OutputFolder(output, command: "report")
    for part in ["figures", "tables"] { try makeFolder(folder.file(part)) }
    for part in document.figures {
      let layout = part.figure.layout()
      try OutputFolder.write(layout.drawing().svg, to: folder.file(part.svgPath))
      try OutputFolder.write(layout.csv, to: folder.file(part.pointsPath))
    }
    for part in document.tables {
      try OutputFolder.write((part.data ?? part.table).rendered(as: .csv), to: folder.file(part.path("csv")))
      try OutputFolder.write(part.table.rendered(as: .markdown), to: folder.file(part.path("md")))
      try OutputFolder.write(part.table.rendered(as: .latex), to: folder.file(part.path("tex")))
    }
    try OutputFolder.write(document.markdown(), to: folder.file("report.md"))
    try OutputFolder.write(document.latex(), to: folder.file("report.tex"))
    // Last, so that a page that is there has its parts.
    try OutputFolder.write(html, to: folder.file("report.html"))
    show(report, document, folder)
  }

  private func makeFolder(_ path: String) throws {
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
      throw CommandError.failed("the folder \(path) cannot be made: \(OutputFolder.reason(error))")
    }
  }

  private func show(_ report: RunReport, _ document: Document, _ folder: OutputFolder) {
    console.print(report.summaryTable.rendered(as: .table))
    console.print("What to look at first:")
    for finding in document.findings {
      console.print("- \(finding.level.rawValue): \(finding.subject): \(finding.text)")
    }
    let parts = "\(counted(document.figures.count, "figure")), \(counted(document.tables.count, "table"))"
    console.print(
      "\n\(folder.file("report.html")): \(parts), beside it each as a file, report.md and report.tex")
  }
}
