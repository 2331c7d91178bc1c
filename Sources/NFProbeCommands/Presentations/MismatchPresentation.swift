import Analysis
import Charts
import Documents

/// A mismatch as `grads` shows it.
struct MismatchPresentation: Presentable {
  let report: MismatchReport
  let options: MismatchOptions

  /// A reader gets both tables, a program the first alone.
  func tables() -> [Table] {
    [report.table] + (options.isForPrograms ? [] : [spreads].compactMap(\.self))
  }

  var remarks: [String] { report.movements.map { "\($0); --over-time shows the course" } }

  func figure() -> Figure? {
    report.figure(
      addsPaper: options.paper, program: FigureFile.program, command: FigureFile.command)
  }

  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
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
struct CoursePresentation: Presentable {
  let course: MismatchCourse
  let options: MismatchOptions

  func tables() -> [Table] {
    let crossings = course.crossingTable
    return [course.table] + (options.isForPrograms || crossings.rows.isEmpty ? [] : [crossings])
  }

  func figure() -> Figure? { course.figure(program: FigureFile.program, command: FigureFile.command) }

  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("over-time", course.table))
    try write(.table("crossings", course.crossingTable))
    if let figure = figure() { try write(.figure("over-time", figure)) }
  }
}
