import Documents

extension RunReport {
  /// What the models were evaluated to while they trained; nil where none was.
  var evaluationSection: Document.Section? {
    guard let report = EvaluationReport(groups: groups) else { return nil }
    let table = Document.Block.table(Document.TablePart("evaluation", report.table))
    let course: Document.Block =
      report.hasCurves
      ? .figure(
        Document.FigurePart(
          "evaluation", report.figure(program: options.program, command: options.command),
          caption: "What each group was evaluated to while it trained."))
      : .absence("evaluations over the steps: each run was evaluated once, at its end (--evaluate every:N).")
    return Document.Section("evaluation", "Texts and tasks", [table, course])
  }
}
