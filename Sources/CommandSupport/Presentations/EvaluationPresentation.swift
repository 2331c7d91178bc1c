import Charts
import CommandOptions
import Documents
import Evaluation

/// What an evaluation of a text, of tasks, or of both prints, and what it leaves in a folder.
package struct EvaluationPresentation: Presentable {
  /// A text's part or the tasks'.
  private struct Part {
    /// The tables that are printed.
    let shown: [Table]
    /// Tables by the names of their files.
    let files: [(name: String, table: Table)]
    /// The figure and its file's name.
    let figure: (name: String, drawing: Figure)
  }

  private var parts: [Part] = []

  package init() {}

  package mutating func add(_ report: TextReport, hasTokens: Bool) {
    let differences = report.differenceTable.map { [$0] } ?? []
    parts.append(
      Part(
        shown: [report.table] + differences,
        files: [("text", report.table), ("samples", report.sampleTable)]
          + differences.map { ("differences", $0) } + (hasTokens ? [("tokens", report.tokenTable)] : []),
        figure: (
          "context", report.contextFigure(program: FigureFile.program, command: FigureFile.command)
        )))
  }

  package mutating func add(_ report: TaskReport) {
    let differences = report.differenceTable.map { [$0] } ?? []
    parts.append(
      Part(
        shown: [report.table, report.scoringTable] + differences,
        files: [
          ("tasks", report.table), ("scorings", report.scoringTable), ("examples", report.exampleTable),
        ]
          + differences.map { ("task-differences", $0) },
        figure: ("tasks", report.figure(program: FigureFile.program, command: FigureFile.command))))
  }

  package func tables() -> [Table] { parts.flatMap(\.shown) }

  /// Asked for of one part alone.
  package func figure() -> Figure? { parts.last?.figure.drawing }

  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    for part in parts {
      for (name, table) in part.files { try write(.table(name, table)) }
      try write(.figure(part.figure.name, part.figure.drawing))
    }
  }
}
