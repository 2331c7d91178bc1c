import Analysis
import Charts
import Documents

/// The noise scale of one group over another's, as `ratio --statistic noise-scale` shows it.
struct NoiseRatioPresentation: Presentable {
  let ratio: NoiseRatio
  let layers: LayerSelection

  func tables() throws -> [Table] { [try ratio.table(layers: layers)] }

  func figure() throws -> Figure? {
    guard let drawn else {
      throw CommandError.failed(
        "--svg: the signal is resolved in no layer of both groups, so nothing can be drawn")
    }
    return drawn
  }

  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("ratio", ratio.table()))
    if let drawn { try write(.figure("ratio", drawn)) }
  }

  private var drawn: Figure? { ratio.figure(program: FigureFile.program, command: FigureFile.command) }
}
