import Analysis
import Charts
import CommandOptions
import Documents

/// Outputs and heads as `activations` shows them.
package struct ActivationPresentation: Presentable {
  package let report: OutputReport
  package let view: ActivationViewOptions

  package init(report: OutputReport, view: ActivationViewOptions) {
    self.report = report
    self.view = view
  }

  package func tables() throws -> [Table] {
    let outputs = view.isForPrograms ? report.longTable : report.table
    let heads = view.isForPrograms ? report.longHeadTable : report.headTable
    switch view.table {
    case .outputs: return [outputs]
    case .heads:
      guard let heads else { throw Self.missingHeads("--table heads") }
      return [heads]
    case nil: return [outputs] + (view.isForPrograms ? [] : [heads].compactMap(\.self))
    }
  }

  package func figure() throws -> Figure? {
    guard let drawn = figure(view.figure) else {
      throw view.figure == .heads
        ? Self.missingHeads("--figure heads")
        : CommandError.failed("--figure \(view.figure.rawValue): nothing that is shown lies in the layers")
    }
    return drawn
  }

  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("outputs", report.longTable))
    if let heads = report.longHeadTable { try write(.table("heads", heads)) }
    for kind in ActivationFigure.allCases {
      if let figure = figure(kind) { try write(.figure("activations-\(kind.rawValue)", figure)) }
    }
  }

  private func figure(_ kind: ActivationFigure) -> Figure? {
    let (program, command) = (FigureFile.program, FigureFile.command)
    return switch kind {
    case .map: report.mapFigure(program: program, command: command)
    case .lines: report.lineFigure(program: program, command: command)
    case .heads: report.headFigure(program: program, command: command)
    }
  }

  private static func missingHeads(_ option: String) -> CommandError {
    .failed("\(option): the runs have recorded no heads of attention")
  }
}
