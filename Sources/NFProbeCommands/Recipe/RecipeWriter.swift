import Analysis
import Charts
import Documents
import RunData

/// Writes what came out of a recipe: claims, tables and figures.
struct RecipeWriter {
  let recipe: RecipeFile
  let report: SweepReport
  let console: Console

  /// The claims, measured.
  var results: [ClaimResult] { recipe.claims.map { ClaimResult($0, in: report) } }

  /// Everything into a folder: `claims.csv`, `results.md` for readers, the sweep's tables and the recipe's figures.
  func write(into folder: OutputFolder) throws {
    let claims = recipe.claims.isEmpty ? nil : ClaimResult.table(results)
    if let claims { try OutputFolder.write(claims.rendered(as: .csv), to: folder.file("claims.csv")) }
    try OutputFolder.write(report.table.rendered(as: .csv), to: folder.file("grid.csv"))
    try OutputFolder.write(report.runTable.rendered(as: .csv), to: folder.file("runs.csv"))
    var parts = [claims, report.table, report.choiceTable, report.crossingTable].compactMap(\.self)
    for figure in recipe.figures {
      let (drawn, tables) = try draw(figure, into: folder)
      guard let drawn else {
        console.warn("\(figure.fileName) is left out: the runs hold nothing that it shows")
        continue
      }
      try FigureFile.write(drawn, to: folder.file(figure.fileName))
      for table in tables where !parts.contains(table) { parts.append(table) }
    }
    let text = parts.map { $0.rendered(as: .markdown) }.joined(separator: "\n")
    try OutputFolder.write("# \(recipe.question)\n\n\(text)", to: folder.file("results.md"))
    console.progress("written to \(folder.path)")
  }

  /// A figure, and the tables that belong to it where they are not the sweep's.
  private func draw(_ figure: RecipeFigure, into folder: OutputFolder) throws -> (Figure?, [Table]) {
    let (program, command) = (FigureFile.program, FigureFile.command)
    switch figure.kind {
    case .perplexity: return (report.perplexityFigure(program: program, command: command), [])
    case .curves: return (report.curveFigure(program: program, command: command), [])
    case .mismatch:
      let mismatch = try MismatchReport(
        runs: runs(figure.of), operation: figure.operation, window: figure.window)
      return (
        mismatch.figure(addsPaper: figure.showsPaper, program: program, command: command), [mismatch.table]
      )
    case .ratioLines, .ratioMap:
      let ratio = try GradientRatio(
        runs: runs(figure.base) + runs(figure.of), window: figure.window, normalizer: figure.normalizer)
      let drawn =
        figure.kind == .ratioLines
        ? ratio.lineFigure(program: program, command: command)
        : ratio.mapFigure(program: program, command: command)
      return (drawn, [try ratio.table(layers: .paper)])
    case .scales, .drift:
      let scales = try ScaleReport(of: runs(figure.of).map { ScaleSource($0) })
      guard figure.kind == .scales else {
        return (try scales.driftFigure(layers: .paper, program: program, command: command), [])
      }
      let drawn = scales.boxFigure(addsPaper: figure.showsPaper, program: program, command: command)
      return (drawn, [try scales.table(layers: .paper), scales.trendTable(bySeed: false)])
    case .summary:
      let summary = SweepSummary(report, columns: figure.summary.columns, axes: figure.summary.axes)
      try OutputFolder.write(
        summary.table.rendered(as: .csv), to: folder.file(figure.fileName.replacing(".svg", with: ".csv")))
      return (summary.figure(program: program, command: command), [summary.table])
    case .overTime:
      let course = try MismatchCourse(
        runs: runs(figure.of), operation: figure.operation, span: figure.window, count: figure.windows)
      return (course.figure(program: program, command: command), [course.table, course.crossingTable])
    case .noiseScale:
      let noise = try NoiseReport(runs: runs(figure.of), window: figure.window, selection: .all)
      return (noise.figure(program: program, command: command), [noise.table])
    case .activations: return try drawOutputs(figure)
    case .coordinates:
      let check = CoordinateCheck(runs: runs(figure.of), operations: figure.outputs)
      return (check?.figure(program: program, command: command), [check?.table].compactMap(\.self))
    case .stability:
      let stability = try StabilityReport(runs: runs(figure.of))
      return (stability.figure(program: program, command: command), [stability.table])
    }
  }

  private func drawOutputs(_ figure: RecipeFigure) throws -> (Figure?, [Table]) {
    let own = runs(figure.of)
    let steps = own.compactMap(\.outputSummary?.steps)
    guard let lower = steps.map(\.lowerBound).min(), let upper = steps.map(\.upperBound).max() else {
      return (nil, [])
    }
    let outputs = try OutputReport(
      runs: own, statistic: figure.statistic, operations: figure.outputs,
      window: figure.window ?? StepWindow(lower: lower, upper: upper + 1), selection: .all)
    let tables = [outputs.table, outputs.headTable].compactMap(\.self)
    return (outputs.lineFigure(program: FigureFile.program, command: FigureFile.command), tables)
  }

  /// The runs of all cells with these values.
  private func runs(_ values: [String: String]) -> [RecordedRun] {
    report.cells.filter { cell in
      values.allSatisfy { axis, value in
        report.axes.firstIndex(of: axis).map { cell.values[$0] == value } ?? false
      }
    }.flatMap(\.runs)
  }
}
