import ArgumentParser
import RunFile

/// `nf-probe recover`: makes the files of killed runs whole.
struct RecoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: "Make the run file of a killed run whole, so that any program opens it.",
    discussion: """
      Every step that was flushed stays; rows that the writer had not finished go. The work is done on a copy that then \
      takes the file's place, so an interruption does no harm. A file that is whole is left as it is, and one that is \
      still being written is refused. `grads --resume` and `train --resume` do this by themselves.

      Examples:
        nf-probe recover nf-probe-runs/train-001/normformer-seed0.h5
      """)

  @Argument(help: ArgumentHelp("The run files.", valueName: "run.h5"))
  var files: [String]

  @Flag(name: .shortAndLong, help: "Print nothing but what goes wrong.")
  var quiet = false

  func run() throws {
    try GuardedReading.run(files) { reading in
      for file in files {
        let report = try reading.repair(file)
        if !quiet { Console(isQuiet: false).print("\(file): \(text(report))") }
      }
    }
  }

  private func text(_ report: RunFileRepair.Report) -> String {
    guard report.isChanged else { return "whole already, \(counted(report.steps, "step"))" }
    let lost =
      report.unfinishedRows == 0 ? "" : "; \(counted(report.unfinishedRows, "unfinished row")) cut off"
    return "recovered, \(counted(report.steps, "step"))\(lost)"
  }
}
