import Charts
import Documents
import Evaluation

/// What an evaluation prints, and what it leaves in a folder.
struct EvaluationPart {
  /// The tables that are printed.
  let shown: [Table]
  /// Tables by the names of their files.
  let files: [(name: String, table: Table)]
  /// The figure and its file's name.
  let figure: (name: String, drawing: Figure)

  init(_ report: TextReport, hasTokens: Bool) {
    let differences = report.differenceTable.map { [$0] } ?? []
    shown = [report.table] + differences
    files =
      [("text", report.table), ("samples", report.sampleTable)] + differences.map { ("differences", $0) }
      + (hasTokens ? [("tokens", report.tokenTable)] : [])
    figure = ("context", report.contextFigure(program: FigureFile.program, command: FigureFile.command))
  }

  init(_ report: TaskReport) {
    let differences = report.differenceTable.map { [$0] } ?? []
    shown = [report.table, report.scoringTable] + differences
    files =
      [("tasks", report.table), ("scorings", report.scoringTable), ("examples", report.exampleTable)]
      + differences.map { ("task-differences", $0) }
    figure = ("tasks", report.figure(program: FigureFile.program, command: FigureFile.command))
  }
}
