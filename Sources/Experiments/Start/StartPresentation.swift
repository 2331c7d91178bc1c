import Analysis
import Charts
import Documents

/// The tables of a measurement before the first update.
package enum StartTable: String, CaseIterable, Sendable {
  /// A row an architecture.
  case theory
  /// A row a layer.
  case layers
}

/// The figures of a measurement before the first update.
package enum StartFigure: String, CaseIterable, Sendable {
  /// The last layer's gradient over the number of layers.
  case depth
  /// Each layer's gradient.
  case layers
  /// The residual stream.
  case stream
}

/// Gradients at initialisation, as tables and figures.
package struct StartPresentation: Presentable {
  private let report: StartReport
  private let table: StartTable
  private let asked: StartFigure
  private let program: String
  private let command: String

  /// - Parameters:
  ///   - table: the table that is printed.
  ///   - figure: the figure that is drawn alone.
  ///   - program: what figures say of the program that made them.
  ///   - command: and of what it was asked for.
  package init(
    _ report: StartReport, table: StartTable = .theory, figure: StartFigure = .depth, program: String,
    command: String
  ) {
    self.report = report
    self.table = table
    asked = figure
    self.program = program
    self.command = command
  }

  package func tables() -> [Table] {
    switch table {
    case .theory: [report.table]
    case .layers: [report.layerTable]
    }
  }

  package func figure() -> Figure? { drawn(asked) }

  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("theory", report.table))
    try write(.table("layers", report.layerTable))
    for kind in StartFigure.allCases {
      if let figure = drawn(kind) { try write(.figure(kind.rawValue, figure)) }
    }
  }

  /// A figure; nil where there is too little for it.
  private func drawn(_ kind: StartFigure) -> Figure? {
    switch kind {
    case .depth: report.depthFigure(program: program, command: command)
    case .layers: report.layerFigure(program: program, command: command)
    case .stream: report.streamFigure(program: program, command: command)
    }
  }
}
