import Charts
import CommandOptions
import Documents
import FineTuning

/// A grid of fine-tuning runs as `finetune` shows it.
package struct FineTuningPresentation: Presentable {
  package let report: FineTuningReport

  package init(report: FineTuningReport) {
    self.report = report
  }

  package func tables() -> [Table] { [report.table, report.gridTable, report.runTable] }

  package func figure() -> Figure? {
    report.figure(program: FigureFile.program, command: FigureFile.command)
  }

  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("glue", report.table))
    try write(.table("grid", report.gridTable))
    try write(.table("runs", report.runTable))
    try write(.table("course", report.courseTable))
    try write(.figure("glue", report.figure(program: FigureFile.program, command: FigureFile.command)))
  }
}

/// What fine-tuned checkpoints answer as they are.
package struct HeldOutPresentation: Presentable {
  package let report: HeldOutReport

  package init(report: HeldOutReport) {
    self.report = report
  }

  package func tables() -> [Table] { [report.table] }
  package func figure() -> Figure? { nil }
  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("held-out", report.table))
  }
}
