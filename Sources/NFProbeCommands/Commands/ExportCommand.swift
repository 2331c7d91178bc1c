import ArgumentParser
import Foundation
import Glibc
import RunData
import RunFile

/// `nf-probe export`: a run as a tidy table.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a run as tidy CSV: run,step,layer,tensor,statistic,value.",
    discussion: """
      Every number has as many digits as it takes to read it back exactly. Layers count from 0; tensors outside the \
      layers have an empty layer; losses and rates have neither layer nor tensor.

      Examples:
        nf-probe export run.h5 > run.csv
        nf-probe export run.h5 --statistics gradient_l1,loss --csv part.csv
      """)

  @Argument(help: ArgumentHelp("The run file.", valueName: "run.h5"))
  var file: String

  @Option(
    help: ArgumentHelp("Variables of the run file, e.g. gradient_l1,loss. (default: all)", valueName: "names")
  )
  var statistics: List<String>?

  @Option(help: ArgumentHelp("Steps a to b-1. (default: all)", valueName: "a:b"))
  var window: String?

  @Option(help: ArgumentHelp("Write here instead of standard output.", valueName: "file"))
  var csv: String?

  @Flag(help: "Replace the file.")
  var overwrite = false

  func validate() throws {
    if let window, Self.range(window) == nil {
      throw ValidationError("--window \(window) is not of the form a:b with a < b")
    }
  }

  func run() throws {
    try GuardedReading.run([file], write)
  }

  private func write(_ reading: GuardedReading) throws {
    let reader = try reading.open(file)
    let variables = try selected(reader)
    let writer = try CSVWriter(path: csv, overwrite: overwrite)
    try writer.write("run,step,layer,tensor,statistic,value\n")
    let rows = variables.map { RowText(variable: $0, manifest: reader.manifest) }
    try reading.forEachBlock(reader, of: variables.map(\.name), window: window.flatMap(Self.range)) { block in
      for (index, step) in block.steps.enumerated() {
        let head = Array("\(reader.manifest.runID),\(step)".utf8)
        for (variable, row) in rows.enumerated() {
          row.append(to: &writer.pending, head: head, values: block.values[variable], index: index)
          try writer.flushIfLarge()
        }
      }
    }
    try writer.close()
  }

  private func selected(_ reader: RunFileReader) throws -> [StepVariable] {
    guard let statistics else { return reader.stepVariables }
    return try statistics.elements.map { name in
      guard let variable = reader.stepVariables.first(where: { $0.name == name }) else {
        let names = reader.stepVariables.map(\.name)
        throw CommandError.usage(
          "--statistics: \(file) has no \(name)" + suggestion(for: name, among: names)
            + "; it has \(names.joined(separator: ", "))")
      }
      return variable
    }
  }

  private static func range(_ text: String) -> Range<Int>? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let lower = parts[0], let upper = parts[1], lower >= 0, lower < upper else {
      return nil
    }
    return lower..<upper
  }
}

/// The lines of one variable: everything but run, step and value is made once. Bytes rather than strings, which would
/// take twice the time.
private struct RowText {
  private let middles: [[UInt8]]
  private let isPresent: [Bool]
  private let isInteger: Bool

  init(variable: StepVariable, manifest: RunManifest) {
    let layout = manifest.gradients
    isInteger = variable.isInteger
    let middles: [String]
    switch variable.axis {
    case .none:
      middles = [",,,\(variable.name),"]
      isPresent = [true]
    case .stemTensor:
      middles = layout.stemTensorNames.map { ",,\(quoted($0)),\(variable.name)," }
      isPresent = middles.map { _ in true }
    case .layerTensor:
      middles = Self.grid(layout.layerCount, layout.tensorNames, variable.name)
      // A layer without the tensor has no line.
      isPresent = layout.elementCounts.map { $0 > 0 }
    case .layerOperation:
      middles = Self.grid(layout.layerCount, manifest.operationNames, variable.name)
      isPresent = middles.map { _ in true }
    case .stemOperation:
      middles = manifest.stemOperationNames.map { ",,\(quoted($0)),\(variable.name)," }
      isPresent = middles.map { _ in true }
    }
    self.middles = middles.map { Array($0.utf8) }
  }

  /// Appends the lines of one step, whose run and step are `head`.
  func append(to text: inout [UInt8], head: [UInt8], values: [Double], index: Int) {
    let first = index * middles.count
    for cell in middles.indices where isPresent[cell] {
      let value = values[first + cell]
      text.append(contentsOf: head)
      text.append(contentsOf: middles[cell])
      if isInteger {
        text.append(contentsOf: Int(value).description.utf8)
      } else {
        text.append(contentsOf: value.description.utf8)
      }
      text.append(UInt8(ascii: "\n"))
    }
  }

  private static func grid(_ layerCount: Int, _ names: [String], _ statistic: String) -> [String] {
    (0..<layerCount).flatMap { layer in names.map { ",\(layer),\(quoted($0)),\(statistic)," } }
  }
}

/// A CSV field, in quotes where it must be.
private func quoted(_ text: String) -> String {
  guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
  return "\"" + text.replacing("\"", with: "\"\"") + "\""
}

/// Text in large pieces to a file or to standard output.
private final class CSVWriter {
  private let descriptor: Int32
  private let path: String?
  /// What waits to be written.
  var pending: [UInt8] = []

  init(path: String?, overwrite: Bool) throws {
    self.path = path
    guard let path else {
      descriptor = STDOUT_FILENO
      return
    }
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | (overwrite ? 0 : O_EXCL), 0o644)
    guard descriptor >= 0 else {
      let advice = errno == EEXIST ? "; give --overwrite to replace it" : ""
      throw CommandError.failed(
        "\(path) cannot be written: \(unsafe String(cString: strerror(errno)))\(advice)")
    }
  }

  func write(_ text: String) throws {
    pending.append(contentsOf: text.utf8)
    try flushIfLarge()
  }

  func flushIfLarge() throws {
    if pending.count >= 1 << 20 { try flush() }
  }

  func close() throws {
    try flush()
    if path != nil, Glibc.close(descriptor) != 0 { throw failure() }
  }

  private func flush() throws {
    var rest = pending[...]
    while !rest.isEmpty {
      let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      // `| head` has what it wants.
      if written < 0, errno == EPIPE { throw ExitCode(0) }
      guard written > 0 else { throw failure() }
      rest = rest.dropFirst(written)
    }
    pending.removeAll(keepingCapacity: true)
  }

  private func failure() -> CommandError {
    .failed("\(path ?? "standard output") cannot be written: \(unsafe String(cString: strerror(errno)))")
  }
}
