import Analysis
import Charts
import CommandOptions
import Documents

/// A mismatch as `grads` shows it.
package struct MismatchPresentation: Presentable {
  package let report: MismatchReport
  package let options: MismatchOptions

  package init(report: MismatchReport, options: MismatchOptions) {
    self.report = report
    self.options = options
  }

  /// A reader gets both tables, a program the first alone.
  package func tables() -> [Table] {
    [report.table] + (options.isForPrograms ? [] : [spreads].compactMap(\.self))
  }

  package var remarks: [String] { report.movements.map { "\($0); --over-time shows the course" } }

  package func figure() -> Figure? {
    report.figure(
      addsPaper: options.paper, program: FigureFile.program, command: FigureFile.command)
  }

  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("mismatch", report.longTable))
    if let spreads { try write(.table("spread", spreads)) }
    if let figure = figure() { try write(.figure("mismatch", figure)) }
  }

  /// The spreads against each other, where there are seeds enough for intervals.
  private var spreads: Table? {
    let seedCount = report.entries.map(\.group.runs.count).max() ?? 0
    let table = report.spreadTable
    return seedCount >= 3 && !table.rows.isEmpty ? table : nil
  }
}

/// The mismatch by windows along the runs, and where groups cross.
package struct CoursePresentation: Presentable {
  package let course: MismatchCourse
  package let options: MismatchOptions

  package init(course: MismatchCourse, options: MismatchOptions) {
    self.course = course
    self.options = options
  }

  package func tables() -> [Table] {
    let crossings = course.crossingTable
    return [course.table] + (options.isForPrograms || crossings.rows.isEmpty ? [] : [crossings])
  }

  package func figure() -> Figure? { course.figure(program: FigureFile.program, command: FigureFile.command) }

  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("over-time", course.table))
    try write(.table("crossings", course.crossingTable))
    if let figure = figure() { try write(.figure("over-time", figure)) }
  }
}
