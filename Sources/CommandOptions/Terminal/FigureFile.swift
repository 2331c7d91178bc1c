import Charts
import Experiments

/// Figures as files.
package enum FigureFile {
  /// What a figure says of the program that made it.
  package static var program: String { "nf-probe \(ProgramVersion.text)" }

  /// The command line that asked for it, without folders that differ from machine to machine.
  package static var command: String {
    (["nf-probe"]
      + CommandRecord.wordsOfRun.map { $0.split(separator: "/").last.map(String.init) ?? $0 })
      .joined(separator: " ")
  }

  /// Writes a figure, and beside it the points that it shows.
  package static func write(_ figure: Figure, to path: String) throws {
    try OutputFolder.write(figure.svg, to: path)
    try OutputFolder.write(
      figure.csv, to: (path.hasSuffix(".svg") ? String(path.dropLast(4)) : path) + "-points.csv")
  }
}
