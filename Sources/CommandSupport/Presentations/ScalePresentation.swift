import Analysis
import Charts
import CommandOptions
import Documents

/// Learned scales as `scales` shows them.
package struct ScalePresentation: Presentable {
  package let report: ScaleReport
  package let view: ScaleViewOptions

  package init(report: ScaleReport, view: ScaleViewOptions) {
    self.report = report
    self.view = view
  }

  package func tables() throws -> [Table] {
    let layers = try LayerSelection.parsed(view.layersShown)
    let distribution = try view.isForPrograms ? report.longTable : report.table(layers: layers)
    switch view.table {
    case .distribution: return [distribution]
    case .trend: return [report.trendTable(bySeed: view.isForPrograms)]
    case .drift:
      guard report.hasRuns else {
        throw CommandError.failed(
          "--table drift: only run files have snapshots over training, not checkpoints")
      }
      return [try report.driftTable(layers: view.isForPrograms ? .all : layers)]
    case .heads:
      guard let heads = report.headTable else {
        throw CommandError.failed("--table heads: there is no HeadScale γ (c_attn) here")
      }
      return [heads]
    case nil:
      guard !view.isForPrograms else { return [distribution] }
      // Where no head is listed, the trend's notes say so.
      let heads = report.headTable.flatMap { $0.rows.isEmpty ? nil : $0 }
      return [distribution, report.trendTable(bySeed: false)] + [heads].compactMap { $0 }
    }
  }

  package func figure() throws -> Figure? { try drawn(view.figure) }

  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("scales", report.longTable))
    try write(.table("trend", report.trendTable(bySeed: true)))
    if report.hasRuns { try write(.table("drift", report.driftTable(layers: .all))) }
    if let heads = report.headTable { try write(.table("heads", heads)) }
    for kind in ScaleFigure.allCases where kind == .boxes || report.hasRuns {
      try write(.figure(kind.rawValue, drawn(kind)))
    }
  }

  private func drawn(_ figure: ScaleFigure) throws -> Figure {
    let (program, command) = (FigureFile.program, FigureFile.command)
    switch figure {
    case .boxes: return report.boxFigure(addsPaper: view.paper, program: program, command: command)
    case .drift:
      let layers = try LayerSelection.parsed(view.layersShown)
      guard let figure = try report.driftFigure(layers: layers, program: program, command: command) else {
        throw CommandError.failed(
          "--figure drift: only run files have snapshots over training, not checkpoints; --figure boxes shows these"
        )
      }
      return figure
    }
  }
}
