import Analysis
import Charts
import Documents
import RunData
import RunFile
import RunReading

/// Writes the noise scale of runs: the table to standard output, table and figure to files.
struct NoiseWriter {
  let console: Console
  let options: MismatchOptions
  let reading: GuardedReading

  /// - Parameter folder: where files go; nil writes none but a figure that was asked for.
  func write(_ files: [String], into folder: OutputFolder?) throws {
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
  let report: NoiseReport
  let quantity: NoiseQuantity

  func tables() -> [Table] { [report.table] }

  func figure() -> Figure? { figure(of: quantity) }

  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("noise", report.longTable))
    try write(.figure("noise", figure(of: .noiseScale)))
    try write(.figure("signal", figure(of: .signal)))
  }

  private func figure(of quantity: NoiseQuantity) -> Figure {
    report.figure(of: quantity, program: FigureFile.program, command: FigureFile.command)
  }
}
