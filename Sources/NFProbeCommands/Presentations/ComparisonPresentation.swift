import Analysis
import Charts
import CommandOptions
import CommandSupport
import Comparison
import Documents

/// Two checkpoints side by side, as `compare` shows them.
struct ComparisonPresentation: Presentable {
  let comparison: CheckpointComparison
  let spectra: SpectralComparison?
  let view: CompareCommand

  private var changes: Table {
    comparison.table(by: view.by, rowLimit: view.rows == 0 ? nil : view.rows)
  }

  /// A reader gets what differs beside the numbers, too; a program one table.
  func tables() throws -> [Table] {
    switch view.table {
    case .changes: return [changes]
    case .scales: return [comparison.scaleTable]
    case .differences: return [comparison.findingTable]
    case .spectra: return [spectra?.table].compactMap(\.self)
    case nil:
      guard !view.isForPrograms else { return [changes] }
      let findings = comparison.findings.isEmpty ? [] : [comparison.findingTable]
      return findings + [changes] + [spectra?.table].compactMap(\.self)
    }
  }

  func figure() throws -> Figure? {
    guard let figure = figure(view.figure) else {
      throw CommandError.failed("--figure \(view.figure.rawValue): no layer has what it would show")
    }
    return figure
  }

  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("layers", comparison.table(by: .layer)))
    try write(.table("operations", comparison.table(by: .operation)))
    try write(.table("tensors", comparison.table(by: .change)))
    try write(.table("scales", comparison.scaleTable))
    try write(.table("differences", comparison.findingTable))
    if let spectra { try write(.table("spectra", spectra.table)) }
    for kind in ComparisonFigure.allCases {
      if let figure = figure(kind) { try write(.figure(kind.rawValue, figure)) }
    }
  }

  private func figure(_ figure: ComparisonFigure) -> Figure? {
    let (program, command) = (FigureFile.program, FigureFile.command)
    return switch figure {
    case .changes: comparison.changeFigure(program: program, command: command)
    case .scales: comparison.scaleFigure(program: program, command: command)
    }
  }
}

/// Three or more checkpoints as a path, as `compare` shows them.
struct PathPresentation: Presentable {
  let path: CheckpointPath
  let view: CompareCommand

  /// A reader gets a table a question, a program all numbers in one.
  func tables() -> [Table] {
    view.isForPrograms
      ? [path.longTable(by: view.by)] : [path.stepTable(by: view.by), path.distanceTable(by: view.by)]
  }

  func figure() -> Figure? { path.figure(program: FigureFile.program, command: FigureFile.command) }

  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    for (name, grouping) in [
      ("path-layers", Grouping.layer), ("path-operations", .operation), ("path-tensors", .change),
    ] {
      try write(.table(name, path.longTable(by: grouping)))
    }
    if let figure = figure() { try write(.figure("path", figure)) }
  }
}
