import Analysis
import Charts
import Documents
import RunData
import RunReading

/// What came out of a recipe: claims, tables and figures.
package struct RecipePresentation: Presentable {
  private let recipe: RecipeFile
  private let report: SweepReport
  private let program: String
  private let command: String
  private let warn: (String) -> Void

  /// - Parameters:
  ///   - report: what the runs of its sweep are.
  ///   - program: what figures say of the program that made them.
  ///   - command: and of what it was asked for.
  ///   - warn: told of figures that are left out.
  package init(
    _ recipe: RecipeFile, _ report: SweepReport, program: String, command: String,
    warn: @escaping (String) -> Void
  ) {
    self.recipe = recipe
    self.report = report
    self.program = program
    self.command = command
    self.warn = warn
  }

  /// The claims, measured; nil where the recipe makes none.
  private var claims: Table? {
    recipe.claims.isEmpty
      ? nil : ClaimResult.table(recipe.claims.map { ClaimResult($0, in: report) })
  }

  /// A recipe that claims nothing shows figures and tables alone.
  package func tables() -> [Table] { [claims ?? report.table] }

  package func figure() -> Figure? { nil }

  /// `claims.csv`, `results.md` for readers, the sweep's tables and the recipe's figures.
  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    let claims = claims
    if let claims { try write(.table("claims", claims)) }
    try write(.table("grid", report.table))
    try write(.table("runs", report.runTable))
    var parts = [claims, report.table, report.choiceTable, report.crossingTable].compactMap(\.self)
    for figure in recipe.figures {
      let drawn = try draw(figure)
      if let data = drawn.data { try write(.table(figure.stem, data)) }
      guard let image = drawn.figure else {
        warn("\(figure.fileName) is left out: the runs hold nothing that it shows")
        continue
      }
      try write(.figure(figure.stem, image))
      for table in drawn.tables where !parts.contains(table) { parts.append(table) }
    }
    let text = parts.map { $0.rendered(as: .markdown) }.joined(separator: "\n")
    try write(.text("results.md", "# \(recipe.question)\n\n\(text)"))
  }

  /// A figure; nil where the runs hold nothing that it shows.
  private struct Drawn {
    var figure: Figure?
    /// Tables that belong to it where they are not the sweep's.
    var tables: [Table] = []
    /// A table that is a file of its own beside it.
    var data: Table?

    init(_ figure: Figure?, _ tables: [Table] = [], data: Table? = nil) {
      (self.figure, self.tables, self.data) = (figure, tables, data)
    }
  }

  private func draw(_ figure: RecipeFigure) throws -> Drawn {
    switch figure.kind {
    case .perplexity: return Drawn(report.perplexityFigure(program: program, command: command))
    case .curves: return Drawn(report.curveFigure(program: program, command: command))
    case .mismatch:
      let mismatch = try MismatchReport(
        runs: runs(figure.of), operation: figure.operation, window: figure.window)
      return Drawn(
        mismatch.figure(addsPaper: figure.showsPaper, program: program, command: command), [mismatch.table])
    case .ratioLines, .ratioMap:
      let ratio = try GradientRatio(
        runs: runs(figure.base) + runs(figure.of), window: figure.window, normalizer: figure.normalizer)
      let drawn =
        figure.kind == .ratioLines
        ? ratio.lineFigure(program: program, command: command)
        : ratio.mapFigure(program: program, command: command)
      return Drawn(drawn, [try ratio.table(layers: .paper)])
    case .scales, .drift:
      let scales = try ScaleReport(of: runs(figure.of).map { ScaleSource($0) })
      guard figure.kind == .scales else {
        return Drawn(try scales.driftFigure(layers: .paper, program: program, command: command))
      }
      let drawn = scales.boxFigure(addsPaper: figure.showsPaper, program: program, command: command)
      return Drawn(drawn, [try scales.table(layers: .paper), scales.trendTable(bySeed: false)])
    case .summary:
      let summary = SweepSummary(report, columns: figure.summary.columns, axes: figure.summary.axes)
      return Drawn(
        summary.figure(program: program, command: command), [summary.table], data: summary.table)
    case .overTime:
      let course = try MismatchCourse(
        runs: runs(figure.of), operation: figure.operation, span: figure.window, count: figure.windows)
      return Drawn(course.figure(program: program, command: command), [course.table, course.crossingTable])
    case .noiseScale:
      let noise = try NoiseReport(runs: runs(figure.of), window: figure.window, selection: .all)
      return Drawn(noise.figure(program: program, command: command), [noise.table])
    case .activations: return try drawOutputs(figure)
    case .coordinates:
      let check = CoordinateCheck(runs: runs(figure.of), operations: figure.outputs)
      return Drawn(check?.figure(program: program, command: command), [check?.table].compactMap(\.self))
    case .stability:
      let stability = try StabilityReport(runs: runs(figure.of))
      return Drawn(stability.figure(program: program, command: command), [stability.table])
    }
  }

  private func drawOutputs(_ figure: RecipeFigure) throws -> Drawn {
    let own = runs(figure.of)
    let steps = own.compactMap(\.outputSummary?.steps)
    guard let lower = steps.map(\.lowerBound).min(), let upper = steps.map(\.upperBound).max() else {
      return Drawn(nil)
    }
    let outputs = try OutputReport(
      runs: own, statistic: figure.statistic, operations: figure.outputs,
      window: figure.window ?? StepWindow(lower: lower, upper: upper + 1), selection: .all)
    let tables = [outputs.table, outputs.headTable].compactMap(\.self)
    return Drawn(
      outputs.lineFigure(program: program, command: command), tables)
  }

  /// The runs of all cells with these values that came to their end.
  private func runs(_ values: [String: String]) -> [RecordedRun] {
    report.cells.filter { cell in
      values.allSatisfy { axis, value in
        report.axes.firstIndex(of: axis).map { cell.values[$0] == value } ?? false
      }
    }.flatMap(\.endedRuns)
  }
}
