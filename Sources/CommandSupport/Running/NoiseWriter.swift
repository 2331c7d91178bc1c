import Analysis
import Charts
import CommandOptions
import Documents
import RunData
import RunFile
import RunReading

/// Writes the noise scale of runs: the table to standard output, table and figure to files.
package struct NoiseWriter {
  package let console: Console
  package let options: MismatchOptions
  package let reading: GuardedReading

  package init(console: Console, options: MismatchOptions, reading: GuardedReading) {
    self.console = console
    self.options = options
    self.reading = reading
  }

  /// - Parameter folder: where files go; nil writes none but a figure that was asked for.
  package func write(_ files: [String], into folder: OutputFolder?) throws {
    let readers = try files.map { try reading.open($0) }
    let operation = try options.operation.map { _ in
      try options.chosenOperation(among: readers.map(\.manifest), console)
    }
    let runs = try readers.map { reader in
      var run = try reading.read(reader, tensors: [])
      run.noise = try reading.noise(reader, tensors: operation.map { [$0] }, window: nil)
      run.exampleNoise = operation == nil ? try reading.exampleNoise(reader, window: nil) : nil
      return run
    }
    let report = try options.noise(of: runs, operation: operation)
    try Presenter(options, console).present(
      NoisePresentation(report: report, quantity: options.noise ?? .noiseScale), into: folder)
  }
}

/// The noise scale as `grads` shows it.
private struct NoisePresentation: Presentable {
  package let report: NoiseReport
  package let quantity: NoiseQuantity

  package func tables() -> [Table] { [report.table] }

  package func figure() -> Figure? { figure(of: quantity) }

  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("noise", report.longTable))
    try write(.figure("noise", figure(of: .noiseScale)))
    try write(.figure("signal", figure(of: .signal)))
  }

  private func figure(of quantity: NoiseQuantity) -> Figure {
    report.figure(of: quantity, program: FigureFile.program, command: FigureFile.command)
  }
}
