import Analysis
import Charts
import CommandOptions
import CommandSupport
import Documents

/// The gradients of one run over those of another, as `ratio` shows them.
struct RatioPresentation: Presentable {
  let ratio: GradientRatio
  let view: RatioCommand

  func tables() throws -> [Table] {
    [view.isForPrograms ? ratio.longTable : try ratio.table(layers: .parsed(view.layersShown))]
  }

  func figure() throws -> Figure? { try drawn(view.figure) }

  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("ratio", ratio.longTable))
    for kind in RatioCommand.RatioFigure.allCases {
      try write(.figure("ratio-\(kind.rawValue)", drawn(kind)))
    }
  }

  private func drawn(_ kind: RatioCommand.RatioFigure) throws -> Figure {
    let (program, command) = (FigureFile.program, FigureFile.command)
    let drawn =
      switch kind {
      case .map: ratio.mapFigure(program: program, command: command)
      case .lines: ratio.lineFigure(program: program, command: command)
      }
    guard let drawn else {
      throw CommandError.failed(
        "--figure \(kind.rawValue): the runs have no operation in common that it shows")
    }
    return drawn
  }
}
