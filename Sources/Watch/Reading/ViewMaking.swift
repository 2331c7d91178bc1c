import Analysis
import Charts
import Documents
import RunData

/// The runs that a view is of, read with its operation.
struct ChosenRuns {
  /// The runs that could be read, each once.
  var runs: [(watched: WatchedRun, recorded: RecordedRun)]
  var operation: String
  var operations: [String]
  var remarks: [String]
}

/// Makes views of the runs of a catalog.
struct ViewMaking {
  let catalog: RunCatalog
  /// Name and version of the program that draws.
  let program: String
  private let command = "nf-probe watch"

  /// Makes the view that a page asks for.
  /// - Throws: ``ViewQuery/Mistake`` and `AnalysisError` where there is nothing to show, in words for people.
  func view(_ query: ViewQuery) throws -> RunView {
    let chosen = try chosenRuns(query)
    let report = try MismatchReport(
      runs: chosen.runs.map(\.recorded), operation: chosen.operation, statistic: query.statistic,
      window: query.window, selection: query.layers)
    var view = RunView(
      title: report.table.title,
      figure: report.figure(style: query.style, program: program, command: command), tables: [report.table],
      report: report, query: query, operations: chosen.operations, remarks: chosen.remarks)
    try draw(&view, chosen)
    zoom(&view)
    return view
  }

  private func draw(_ view: inout RunView, _ chosen: ChosenRuns) throws {
    let (query, report) = (view.query, view.report)
    switch query.picture {
    case .layers: break
    case .loss:
      let losses = try LossReport(runs: chosen.runs.map(\.recorded))
      view.figure = losses.figure(style: query.style, program: program, command: command)
      view.title = "Loss"
    case .evaluation: try drawEvaluations(&view)
    case .map:
      let columns = Int(min(240, max(40, (query.width ?? 960) / 6)))
      view.figure = report.mapFigure(
        columns: columns, window: query.zoom, program: program, command: command)
      view.title = "Gradient of \(report.operation) by layer and step"
    case .operations:
      let all = try OperationReport(report, gradients: gradients(chosen))
      view.figure = all.figure(program: program, command: command)
      view.tables = [all.table]
      view.title = all.table.title
    case .ratio:
      let ratios = try ratios(query, report, chosen)
      guard let figure = GradientRatio.mapFigure(of: ratios, program: program, command: command) else {
        throw ViewQuery.Mistake(message: "these runs have no gradients to divide")
      }
      view.figure = figure
      view.tables = try ratios.map { try $0.table(layers: query.layers) }
      view.title = "Gradients over those of \(ratios[0].base.label)"
    case .scales: try drawScales(&view, chosen)
    }
  }

  /// Cuts the picture to a part of the steps.
  private func zoom(_ view: inout RunView) {
    let (query, entries) = (view.query, view.report.entries)
    guard let window = query.zoom, [.layers, .loss, .map].contains(query.picture) else { return }
    let runs = entries.flatMap(\.group.runs)
    var panel = 0
    for row in view.figure.rows.indices {
      for column in view.figure.rows[row].indices {
        // A panel a group, but for the losses, which lie in one.
        let run = query.picture == .loss ? runs[0] : entries[min(panel, entries.count - 1)].group.runs[0]
        let kept = window.indices(in: run.steps)
        let style = query.picture == .map ? CurveStyle() : query.style
        let places = style.places(of: run, among: runs)
        if kept.count > 1 {
          view.figure.rows[row][column] = view.figure.rows[row][column].cut(
            from: places[kept.lowerBound], to: places[kept.upperBound - 1])
        }
        panel += 1
      }
    }
  }

  private func ratios(
    _ query: ViewQuery, _ report: MismatchReport, _ chosen: ChosenRuns
  ) throws -> [GradientRatio] {
    let groups = report.entries.map(\.group)
    guard groups.count > 1 else {
      throw ViewQuery.Mistake(message: "a ratio needs runs of two groups: show those of another one too")
    }
    let base = groups.first { $0.label == query.base } ?? groups[0]
    let read = gradients(chosen)
    return try groups.filter { $0.label != base.label }.map { other in
      let names = base.manifest.gradients.tensorNames
      let sides = try [base, other].map { group in
        try read(Set(group.runs.map(\.manifest.runID)), names, report.window)
      }
      return try GradientRatio(
        runs: sides[0] + sides[1], statistic: query.statistic, window: report.window)
    }
  }

  private func drawEvaluations(_ view: inout RunView) throws {
    guard let report = EvaluationReport(groups: view.report.entries.map(\.group)) else {
      throw ViewQuery.Mistake(message: "these runs were not evaluated on a text or task yet")
    }
    view.figure = report.figure(program: program, command: command)
    view.tables = [report.table]
    view.title = "Texts and tasks"
  }

  private func drawScales(_ view: inout RunView, _ chosen: ChosenRuns) throws {
    var sources: [ScaleSource] = []
    var steps: Set<Int> = []
    for (own, recorded) in chosen.runs {
      let snapshots = try catalog.reading(own) { try own.snapshots($0) }
      guard !snapshots.isEmpty else { continue }
      steps.formUnion(snapshots.map(\.step))
      // Runs that have none at a step show their last before it.
      let asked = view.query.snapshot.flatMap { step in snapshots.last { $0.step <= step }?.step }
      sources.append(
        ScaleSource(title: own.name, origin: .run(recorded, snapshots: snapshots, schedule: nil), step: asked)
      )
    }
    guard !sources.isEmpty else {
      throw ViewQuery.Mistake(message: "these runs keep no snapshots of gains and scales")
    }
    let isAnyShown = chosen.runs.contains {
      $0.recorded.manifest.scaleTensorNames.contains(where: GainName.isShown)
    }
    let report = try ScaleReport(of: sources, options: ScaleOptions(includesAllGains: !isAnyShown))
    view.figure = report.boxFigure(addsPaper: false, program: program, command: command)
    view.tables = [try report.table(layers: view.query.layers)]
    view.snapshots = steps.sorted()
    view.title = "Learned scales by layer"
  }

  /// The runs that a page asks for, or those that are shown first.
  func chosenRuns(_ query: ViewQuery) throws -> ChosenRuns {
    catalog.catchUp()
    var remarks: [String] = []
    let chosen =
      query.runs?.compactMap(catalog.run) ?? catalog.defaultChoice.compactMap { catalog.run($0.id) }
    if let asked = query.runs, asked.count > chosen.count {
      remarks.append("\(asked.count - chosen.count) of the runs that this address names are not here")
    }
    let layouts = chosen.compactMap(\.manifest?.gradients)
    guard !layouts.isEmpty else {
      throw ViewQuery.Mistake(
        message: (["no run with a step to show yet"] + remarks).joined(separator: "; "))
    }
    let choice = try OperationChoice(query.operation, among: layouts)
    if let note = choice.note { remarks.append(note) }
    var runs: [(watched: WatchedRun, recorded: RecordedRun)] = []
    for own in chosen {
      let recorded = try catalog.reading(own) {
        try own.recorded(choice.operation, query.statistic.sum, $0)
      }
      guard let recorded, !recorded.steps.isEmpty else {
        remarks.append("\(own.name): \(own.problem ?? "no step yet")")
        continue
      }
      guard !runs.contains(where: { $0.recorded.manifest.runID == recorded.manifest.runID }) else {
        remarks.append("\(own.name) holds a run that is shown already")
        continue
      }
      runs.append((own, recorded))
    }
    guard !runs.isEmpty else {
      throw ViewQuery.Mistake(message: (["no run with a step to show"] + remarks).joined(separator: "; "))
    }
    var operations: [String] = []
    for name in layouts.flatMap(\.tensorNames) where !operations.contains(name) { operations.append(name) }
    return ChosenRuns(runs: runs, operation: choice.operation, operations: operations, remarks: remarks)
  }

  /// Reads more gradients of the chosen runs.
  func gradients(_ chosen: ChosenRuns) -> RunReport.GradientReading {
    { ids, tensors, window in
      try chosen.runs.filter { ids.contains($0.recorded.manifest.runID) }.compactMap { own, _ in
        try catalog.reading(own) { try own.gradients(tensors, window, $0) }
      }
    }
  }
}
