import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Documents
import Foundation
import Isolation
import RunReading

/// `nf-probe verify`: whether files are as they were written.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check run files and checkpoints against their checksums.",
    discussion: """
      Reads everything once: which steps a run file holds, in which segments and with which gaps; rows that a killed \
      writer left unfinished; rows that were damaged since. Of a checkpoint, of any format that compare reads, the \
      header is checked, and the data where the file keeps checksums of them. Nothing is changed.

      Ends with 0 where all that was recorded is as it was written, also in a file that a killed run left open, and \
      with 1 where something is damaged or cannot be read.

      Examples:
        nf-probe verify nf-probe-runs/grads-001/pre-ln-seed0.h5
        nf-probe verify *.h5 --format json
      """)

  @Argument(help: ArgumentHelp("Run files, folders that hold some, or checkpoints.", valueName: "file"))
  var files: [String]

  @Option(help: "How the findings are printed.")
  var format: TableFormat = .table

  @Flag(name: .shortAndLong, help: "Print nothing unless something is damaged or cannot be read.")
  var quiet = false

  @Option(help: .hidden)
  var reportInto: String?

  mutating func validate() throws { files = try runFiles(named: files) }

  func run() throws {
    if let reportInto, Supervisor.isChild {
      return try Self.write(
        FileInspection(reading: GuardedReading(files)).inspect(files[0]), to: reportInto)
    }
    let reports = try files.map(inspect)
    let isWhole = reports.allSatisfy(\.isWhole)
    if !quiet || !isWhole {
      Console(isQuiet: false).print([VerificationReport.table(reports)], as: format)
    }
    if !isWhole { throw ExitCode(1) }
  }

  /// Has a child look at one file, so that one that takes it down does not take the findings on the others along.
  private func inspect(_ file: String) throws -> VerificationReport {
    let exchange = FileManager.default.temporaryDirectory
      .appendingPathComponent("nf-probe-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: exchange) }
    let outcome = try Supervisor.run(arguments: ["verify", "--report-into", exchange.path, "--", file])
    if case .interrupted(let status) = outcome { throw ExitCode(status) }
    if let data = try? Data(contentsOf: exchange),
      let report = try? JSONDecoder().decode(VerificationReport.self, from: data)
    {
      return report
    }
    var report = VerificationReport(file: file)
    let message = outcome.message(reading: file)?.dropFirst(file.count + 1)
    report.add("file", .unreadable, message.map(String.init) ?? "the process that read it failed")
    return report
  }

  private static func write(_ report: VerificationReport, to path: String) throws {
    try OutputFolder.write(String(decoding: JSONEncoder().encode(report), as: UTF8.self), to: path)
  }
}
