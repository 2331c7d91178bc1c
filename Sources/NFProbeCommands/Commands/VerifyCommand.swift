import ArgumentParser
import RunFile

/// `nf-probe verify`: whether files are as they were written.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a run file against its checksums.",
    discussion: """
      Reads everything once. Exit status 1 where something is damaged or cannot be read.

      Examples:
        nf-probe verify nf-probe-runs/train-001/normformer-seed0.h5
      """)

  @Argument(help: ArgumentHelp("The run files.", valueName: "run.h5"))
  var files: [String]

  @Flag(name: .shortAndLong, help: "Print nothing but what is wrong.")
  var quiet = false

  func run() throws {
    try GuardedReading.run(files) { reading in
      var damaged: [String] = []
      for file in files {
        let verification = reading.verify(try reading.open(file))
        if !verification.isIntact { damaged.append(file) }
        if !quiet || !verification.isIntact {
          Console(isQuiet: false).print("\(file): \(text(verification))")
        }
      }
      guard damaged.isEmpty else { throw ExitCode(1) }
    }
  }

  private func text(_ verification: RunFileVerification) -> String {
    var parts = [
      "\(counted(verification.stepRows, "step"))"
        + (verification.isIntact ? ", all as they were written" : "")
    ]
    if verification.unfinishedRows > 0 {
      parts.append("\(counted(verification.unfinishedRows, "row")) that the writer had not finished")
    }
    if !verification.isManifestIntact { parts.append("attributes or coordinates are damaged") }
    for (table, rows) in verification.damagedRows.sorted(by: { $0.key < $1.key }) {
      parts.append("\(counted(rows.count, "damaged row")) by \(table)")
    }
    return parts.joined(separator: "; ")
  }
}
