import Analysis
import Charts
import Documents
import RunData

/// The picture of some runs and the table below it, for one page's choices.
struct RunView {
  let report: MismatchReport
  let query: ViewQuery
  /// Names of the operations of all runs shown, in the order in which data pass them.
  let operations: [String]
  /// What is to be said of the choice of the operation or of the runs.
  let remarks: [String]
  /// Name and version of the program that draws.
  let program: String

  /// What the page gets.
  struct Content: Codable, Sendable {
    var title: String
    var operation: String
    var operations: [String]
    var figure: ScreenFigure
    /// The mismatch, as an HTML table with everything escaped.
    var table: String
    /// The steps of the table, and whether they were asked for.
    var window: [Int]
    var isOwnWindow: Bool
    /// The first and the last step recorded of any run.
    var steps: [Int]
    var layerCount: Int
    var remarks: [String]
  }

  /// The figure as it stands on paper.
  var figure: Figure {
    var figure = report.figure(program: program, command: "nf-probe watch")
    guard !query.isLogarithmic else { return figure }
    for row in figure.rows.indices {
      for panel in figure.rows[row].indices { figure.rows[row][panel].yKind = .linear }
    }
    return figure
  }

  /// The figure and the table for a screen.
  var content: Content {
    let runs = report.entries.flatMap(\.group.runs)
    let first = runs.compactMap(\.steps.first).min() ?? 0
    let last = runs.compactMap(\.steps.last).max() ?? 0
    return Content(
      title: report.table.title, operation: report.operation, operations: operations,
      figure: ScreenFigure(figure, pixels: query.width ?? 960), table: report.table.htmlText(),
      window: [report.window.lower, report.window.upper ?? last + 1], isOwnWindow: query.window != nil,
      steps: [first, last], layerCount: runs.map(\.manifest.gradients.layerCount).max() ?? 0, remarks: remarks
    )
  }

  /// The numbers of the table.
  var tableCSV: String { report.table.rendered(as: .csv) }
}

extension RunCatalog {
  /// Makes the view that a page asks for.
  /// - Throws: ``ViewQuery/Mistake`` and `AnalysisError` where there is nothing to show, in words for people.
  func view(_ query: ViewQuery, program: String) throws -> RunView {
    var remarks: [String] = []
    // A process that has just begun knows of nothing yet.
    if runs.isEmpty { _ = look(until: .now + .seconds(2)) }
    let chosen = query.runs?.compactMap(run) ?? defaultChoice
    if let asked = query.runs, asked.count > chosen.count {
      remarks.append("\(asked.count - chosen.count) of the runs that this address names are not here")
    }
    let layouts = chosen.compactMap(\.manifest?.gradients)
    guard !layouts.isEmpty else { throw ViewQuery.Mistake(message: "no run with a step to show yet") }
    let choice = try OperationChoice(query.operation, among: layouts)
    if let note = choice.note { remarks.append(note) }
    var recorded: [RecordedRun] = []
    var seen: Set<String> = []
    for own in chosen {
      _ = run(own.id)
      guard let run = try reading(own, { try own.recorded(choice.operation, query.statistic.sum, $0) }),
        !run.steps.isEmpty
      else {
        remarks.append("\(own.name): \(own.problem ?? "no step yet")")
        continue
      }
      guard seen.insert(run.manifest.runID).inserted else {
        remarks.append("\(own.name) holds a run that is shown already")
        continue
      }
      recorded.append(run)
    }
    guard !recorded.isEmpty else {
      throw ViewQuery.Mistake(message: (["no run with a step to show"] + remarks).joined(separator: "; "))
    }
    let report = try MismatchReport(
      runs: recorded, operation: choice.operation, statistic: query.statistic, window: query.window,
      selection: query.layers)
    var operations: [String] = []
    for name in layouts.flatMap(\.tensorNames) where !operations.contains(name) { operations.append(name) }
    return RunView(
      report: report, query: query, operations: operations, remarks: remarks, program: program)
  }
}
