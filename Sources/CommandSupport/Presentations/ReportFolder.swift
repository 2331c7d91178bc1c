import Analysis
import Charts
import CommandOptions
import Documents
import FileAccess
import Foundation
import Text

/// Writes a report: every part into a folder, what matters most to standard output.
package struct ReportFolder {
  package let console: Console

  package init(console: Console) {
    self.console = console
  }

  package func write(_ report: RunReport, _ output: OutputOptions) throws {
    let document = report.document
    let html = document.html()
    let folder = try OutputFolder(output, command: "report")
    let earlier = partsOfEarlierReport(in: folder)
    for part in Self.partFolders { try makeFolder(folder.file(part)) }
    var written: Set<String> = []
    func write(_ text: String, _ path: String) throws {
      try OutputFolder.write(text, to: folder.file(path))
      written.insert(path)
    }
    for part in document.figures {
      let (drawing, points) = part.drawn
      try write(drawing.svg, part.svgPath)
      if let points { try write(points, part.pointsPath) }
    }
    for part in document.tables {
      try write((part.data ?? part.table).rendered(as: .csv), part.path("csv"))
      try write(part.table.rendered(as: .markdown), part.path("md"))
      try write(part.table.rendered(as: .latex), part.path("tex"))
    }
    try OutputFolder.write(document.markdown(), to: folder.file("report.md"))
    try OutputFolder.write(document.latex(), to: folder.file("report.tex"))
    // Late, so that a page that is there has its parts.
    try OutputFolder.write(html, to: folder.file("report.html"))
    for path in earlier where !written.contains(path) {
      try? FileManager.default.removeItem(atPath: folder.file(path))
    }
    show(report, document, folder)
  }

  private static let partFolders = ["figures", "tables"]

  /// The parts of the report that is replaced: those that the new one does not have would pass for its own.
  private func partsOfEarlierReport(in folder: OutputFolder) -> [String] {
    let manager = FileManager.default
    guard manager.fileExists(atPath: folder.file("report.html")) else { return [] }
    return Self.partFolders.flatMap { part in
      ((try? manager.contentsOfDirectory(atPath: folder.file(part))) ?? [])
        .filter { name in [".svg", ".csv", ".md", ".tex"].contains { name.hasSuffix($0) } }
        .map { "\(part)/\($0)" }
    }
  }

  private func makeFolder(_ path: String) throws {
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
      throw CommandError.failed("the folder \(path) cannot be made: \(systemReason(of: error))")
    }
  }

  private func show(_ report: RunReport, _ document: Document, _ folder: OutputFolder) {
    console.print([report.summaryTable], as: .table)
    console.print("What to look at first:")
    for finding in document.findings {
      console.print(paragraph: "- \(finding.level.rawValue): \(finding.subject): \(finding.text)", indent: 2)
    }
    let parts = "\(counted(document.figures.count, "figure")), \(counted(document.tables.count, "table"))"
    console.print("")
    console.print(
      paragraph: "\(folder.file("report.html")): \(parts), beside it each as a file, report.md and report.tex"
    )
  }
}
