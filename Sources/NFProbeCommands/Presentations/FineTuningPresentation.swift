import Charts
import Documents
import FineTuning

/// A grid of fine-tuning runs as `finetune` shows it.
struct FineTuningPresentation: Presentable {
  let report: FineTuningReport

  func tables() -> [Table] { [report.table, report.gridTable, report.runTable] }

  func figure() -> Figure? {
    report.figure(program: FigureFile.program, command: FigureFile.command)
  }

  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("glue", report.table))
    try write(.table("grid", report.gridTable))
    try write(.table("runs", report.runTable))
    try write(.table("course", report.courseTable))
    try write(.figure("glue", report.figure(program: FigureFile.program, command: FigureFile.command)))
  }
}

/// What fine-tuned checkpoints answer as they are.
struct HeldOutPresentation: Presentable {
  let report: HeldOutReport

  func tables() -> [Table] { [report.table] }
  func figure() -> Figure? { nil }
  func writeFiles(_ write: (ResultFile) throws -> Void) throws { try write(.table("held-out", report.table)) }
}
