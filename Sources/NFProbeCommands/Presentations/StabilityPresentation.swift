import Analysis
import Charts
import CommandOptions
import Documents

/// A stability test as `stability` shows it.
struct StabilityPresentation: Presentable {
  let report: StabilityReport
  let view: StabilityCommand

  func tables() -> [Table] { [view.isForPrograms ? report.longTable : report.table] }

  func figure() -> Figure? { report.figure(program: FigureFile.program, command: FigureFile.command) }

  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("stability", report.longTable))
    if let figure = figure() { try write(.figure("stability", figure)) }
  }
}
