import Analysis
import ArgumentParser
import Charts
import CommandOptions
import CommandSupport
import Export
import FileAccess
import Foundation
import RunData
import RunFile
import RunReading
import Text

extension ExportCommand {
  func writeRecords(_ syntax: RecordSyntax, _ reading: GuardedReading) throws {
    let reader = try reading.open(files[0])
    let selection = try ExportSelection(
      statistics?.elements, of: reader, hasScales: scales, window: steps)
    let stream = try ExportStream(path: path, replacing: overwrite)
    try RecordExport(reading: reading, reader: reader, selection: selection, syntax: syntax).write(to: stream)
    try stream.close()
  }

  /// One run's event file lies in the folder itself, those of several in a folder each, as TensorBoard tells runs apart.
  func writeEvents(_ reading: GuardedReading) throws {
    let folder = path ?? "."
    let names = Self.folderNames(files)
    for (file, name) in zip(files, names) {
      let reader = try reading.open(file)
      let selection = try ExportSelection(
        statistics?.elements ?? TensorBoardExport.defaultStatistics(of: reader), of: reader,
        hasScales: scales || statistics == nil, window: steps)
      let export = TensorBoardExport(reading: reading, reader: reader, selection: selection)
      if export.start == 0 {
        Console(isQuiet: quiet).warn("\(file) does not say when it began; its events count from 1970 on")
      }
      let own = files.count == 1 ? folder : "\(folder)/\(name)"
      try Self.makeFolder(own)
      let stream = try ExportStream(path: "\(own)/\(export.fileName)", replacing: overwrite)
      try export.write(to: stream)
      try stream.close()
    }
    progress("written to \(folder); `tensorboard --logdir \(folder)` shows it")
  }

  func writePGFPlots(_ reading: GuardedReading) throws {
    let name = path.map { $0.hasSuffix(".tex") ? String($0.dropLast(4)) : $0 } ?? ""
    let (tex, numbers) = ("\(name).tex", "\(name).csv")
    let tableName = URL(fileURLWithPath: numbers).lastPathComponent
    guard tableName.wholeMatch(of: /[A-Za-z0-9._+=-]+/) != nil else {
      throw CommandError.usage(
        "--out \(printable(tex)): LaTeX reads files whose names have letters, digits and . _ + = - alone; choose such a name"
      )
    }
    for file in [tex, numbers] { try ExportStream.refuseExisting(file, replacing: overwrite) }
    let figure = try figure(reading)
    guard let plots = figure.pgfplots(tableName: tableName) else {
      throw CommandError.failed(
        "the figure has parts that cannot be written for pgfplots; `nf-probe grads --svg` draws it")
    }
    try OutputFolder.write(plots.csv, to: numbers)
    try OutputFolder.write(plots.tex, to: tex)
    progress(
      "written to \(tex) and \(numbers); `pdflatex \(URL(fileURLWithPath: tex).lastPathComponent)` there draws it"
    )
  }

  func writeNotebook(_ reading: GuardedReading) throws {
    let file = path ?? ""
    try ExportStream.refuseExisting(file, replacing: overwrite)
    let sources = try sources(reading, everything: true)
    let report = try report(on: sources)
    let export = NotebookExport(
      sources.all, report: report, allowsMixedContracts: mixContracts, path: file,
      program: FigureFile.program,
      command: FigureFile.command)
    try OutputFolder.write(export.notebook().text(), to: file)
    progress("written to \(file)")
  }

  // MARK: - Parts

  /// What pgfplots shows: the mismatch, or noise and signal by layer.
  private func figure(_ reading: GuardedReading) throws -> Figure {
    let (program, command) = (FigureFile.program, FigureFile.command)
    guard let quantity = shown.ofNoise else {
      return try report(on: sources(reading, everything: false)).figure(program: program, command: command)
    }
    let readers = try files.map { try reading.open($0) }
    let operation = try operation.map {
      try OperationChoice($0, among: readers.map(\.manifest.gradients)).operation
    }
    let runs = try readers.map { reader in
      var run = try reading.read(reader, tensors: [])
      run.noise = try reading.noise(reader, tensors: operation.map { [$0] }, window: nil)
      return run
    }
    return try NoiseReport(
      runs: runs, operation: operation, window: StepWindow.parsed(window), allowsMixedContracts: mixContracts
    ).figure(of: quantity, program: program, command: command)
  }

  private func report(on sources: (all: [NotebookExport.Source], operation: String)) throws -> MismatchReport
  {
    try MismatchReport(
      runs: sources.all.map(\.run), operation: sources.operation, statistic: statistic,
      window: StepWindow.parsed(window),
      allowsMixedContracts: mixContracts)
  }

  /// Every run with the operation that is shown, or with everything that a notebook shows.
  private func sources(
    _ reading: GuardedReading, everything: Bool
  ) throws -> (all: [NotebookExport.Source], operation: String) {
    let readers = try files.map { try reading.open($0) }
    let choice = try OperationChoice(operation, among: readers.map(\.manifest.gradients))
    if let note = choice.note { progress(note) }
    let all = try zip(files, readers).map { file, reader in
      // A ratio of gradients takes all operations, and two groups of runs.
      let tensors =
        everything && files.count > 1
        ? reader.manifest.gradients.tensorNames : [choice.operation]
      var run = try reading.read(reader, tensors: tensors, parameters: !statistic.isOfGradient)
      if everything { run.snapshots = try reading.scaleSnapshots(reader) }
      return NotebookExport.Source(path: file, run: run, hasDamage: !reader.damagedRows.isEmpty)
    }
    return (all, choice.operation)
  }

  private var steps: Range<Int>? {
    get throws { try StepWindow.parsed(window).map { $0.lower..<($0.upper ?? .max) } }
  }

  /// Names of files without what ends them; with a number where the name is taken.
  private static func folderNames(_ files: [String]) -> [String] {
    var taken: Set<String> = []
    return files.map { file in
      let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
      let candidates = [name] + (2...files.count + 1).map { "\(name)-\($0)" }
      let free = candidates.first { !taken.contains($0) } ?? name
      taken.insert(free)
      return free
    }
  }

  private static func makeFolder(_ path: String) throws {
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
      throw CommandError.failed("the folder \(path) cannot be made: \(systemReason(of: error))")
    }
  }

  private func progress(_ text: String) { Console(isQuiet: quiet).progress(text) }
}
