import Analysis
import CommandOptions
import Foundation
import RunData

/// Tells people of alerts: a line on standard error, and a command of theirs.
package final class AlertTeller {
  private var watch: AlertWatch
  private let command: String?
  private let console: Console
  private let name: String

  /// - Parameters:
  ///   - name: what the run is called in its lines.
  ///   - command: for the shell; it finds the sentence in NF_PROBE_ALERT, and nobody waits for it.
  /// - Throws: a usage error where a rule is of something that the run does not record.
  package init(
    _ rules: [AlertRule], of manifest: RunManifest, command: String?, name: String, console: Console
  ) throws {
    do { watch = try AlertWatch(rules, of: manifest) } catch {
      throw CommandError.usage("--alerts: \(error)")
    }
    self.command = command
    self.console = console
    self.name = name
  }

  /// Looks at the next step.
  package func look(at numbers: AlertWatch.Numbers) {
    for alert in watch.look(at: numbers) {
      let sentence = "\(name): alert: \(alert)"
      console.warn(sentence)
      if let command { call(command, sentence) }
    }
  }

  /// What a command prints has no place in our own output.
  private func call(_ command: String, _ sentence: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", command]
    process.environment = ProcessInfo.processInfo.environment.merging(["NF_PROBE_ALERT": sentence]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.standardError
    do { try process.run() } catch {
      console.warn("--alert-command could not be run: \(error.localizedDescription)")
    }
  }
}
