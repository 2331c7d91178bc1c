import Analysis
import Charts
import CommandOptions
import Documents

/// The noise scale of one group over another's, as `ratio --statistic noise-scale` shows it.
package struct NoiseRatioPresentation: Presentable {
  package let ratio: NoiseRatio
  package let layers: LayerSelection

  package init(ratio: NoiseRatio, layers: LayerSelection) {
    self.ratio = ratio
    self.layers = layers
  }

  package func tables() throws -> [Table] { [try ratio.table(layers: layers)] }

  package func figure() throws -> Figure? {
    guard let drawn else {
      throw CommandError.failed(
        "--svg: the signal is resolved in no layer of both groups, so nothing can be drawn")
    }
    return drawn
  }

  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("ratio", ratio.table()))
    if let drawn { try write(.figure("ratio", drawn)) }
  }

  private var drawn: Figure? { ratio.figure(program: FigureFile.program, command: FigureFile.command) }
}
