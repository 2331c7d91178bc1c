import Analysis
import Charts
import Documents
import RunData
import RunFile

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
    console.print([report.table], as: options.format)
    func figure(_ quantity: NoiseQuantity) -> Figure {
      report.figure(of: quantity, program: FigureFile.program, command: FigureFile.command)
    }
    if let folder {
      try OutputFolder.write(report.longTable.rendered(as: .csv), to: folder.file("noise.csv"))
      try FigureFile.write(figure(.noiseScale), to: folder.file("noise.svg"))
      try FigureFile.write(figure(.signal), to: folder.file("signal.svg"))
      console.progress("written to \(folder.path)")
    }
    if let svg = options.svg { try FigureFile.write(figure(options.noise ?? .noiseScale), to: svg) }
  }
}
