import Analysis
import Charts
import Documents

/// Gradients at initialisation as `init` shows them.
struct StartPresentation: Presentable {
  let report: StartReport
  let table: InitCommand.StartTable
  let drawnKind: InitCommand.StartFigure

  func tables() -> [Table] {
    switch table {
    case .theory: [report.table]
    case .layers: [report.layerTable]
    }
  }

  func figure() -> Figure? { drawn(drawnKind) }

  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("theory", report.table))
    try write(.table("layers", report.layerTable))
    for kind in InitCommand.StartFigure.allCases {
      if let figure = drawn(kind) { try write(.figure(kind.rawValue, figure)) }
    }
  }

  /// A figure; nil where there is too little for it.
  private func drawn(_ kind: InitCommand.StartFigure) -> Figure? {
    let (program, command) = (FigureFile.program, FigureFile.command)
    return switch kind {
    case .depth: report.depthFigure(program: program, command: command)
    case .layers: report.layerFigure(program: program, command: command)
    case .stream: report.streamFigure(program: program, command: command)
    }
  }
}
