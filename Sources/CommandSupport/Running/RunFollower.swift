import Analysis
import CommandOptions
import Documents
import Foundation
import RunData
import RunFile
import RunReading

/// Shows a run file while it grows.
package struct RunFollower {
  package let console: Console
  package let options: MismatchOptions
  package let reading: GuardedReading
  package let alerts: [AlertRule]
  package let alertCommand: String?

  package init(
    console: Console, options: MismatchOptions, reading: GuardedReading, alerts: [AlertRule],
    alertCommand: String?
  ) {
    self.console = console
    self.options = options
    self.reading = reading
    self.alerts = alerts
    self.alertCommand = alertCommand
  }

  /// Draws the table anew whenever there are new steps, until the run ends or somebody stops it; then prints it once.
  package func follow(_ path: String) throws {
    let reader = try reading.open(path)
    let trained = options.operation == nil ? [try reading.trainedLayout(reader)] : nil
    let operation = try options.chosenOperation(among: [reader.manifest], trained: trained, console)
    let teller =
      alerts.isEmpty
      ? nil
      : try AlertTeller(
        alerts, of: reader.manifest, command: alertCommand, name: path, console: console)
    var lookedUpTo = 0
    StopSignal.watch()
    var drawnLines = 0
    var lastCount = -1
    while !StopSignal.isRequested {
      if reader.steps.count != lastCount {
        lastCount = reader.steps.count
        try show(reader, operation, &drawnLines)
        if let teller {
          try reading.forEachNumbers(reader, from: lookedUpTo) { teller.look(at: $0) }
          lookedUpTo = (reader.steps.last ?? -1) + 1
        }
      }
      guard case .growing = reader.state else { break }
      Thread.sleep(forTimeInterval: console.isTerminal ? 0.5 : 2)
      try reading.refresh(reader)
    }
    let run = try reading.read(reader, tensors: [operation])
    guard !run.steps.isEmpty else { throw CommandError.failed("\(path) holds no step yet") }
    console.print([try options.report(on: [run], operation: operation).table], as: options.format)
  }

  private func show(_ reader: RunFileReader, _ operation: String, _ drawnLines: inout Int) throws {
    guard !console.isQuiet, let last = reader.steps.last else { return }
    guard console.isTerminal else {
      console.progress("\(reader.path): \(reader.steps.count) steps, the last is \(last)")
      return
    }
    let run = try reading.read(reader, tensors: [operation])
    let text =
      (try? options.report(on: [run], operation: operation).table.rendered(
        as: .table, width: console.progressWidth)) ?? "step \(last)\n"
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let up = drawnLines > 0 ? "\u{1B}[\(drawnLines)A" : ""
    console.draw(up + lines.map { "\u{1B}[2K\($0)\n" }.joined() + "\u{1B}[J")
    drawnLines = lines.count
  }
}
