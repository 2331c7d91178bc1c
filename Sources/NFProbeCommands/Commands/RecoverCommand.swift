import ArgumentParser
import CommandOptions
import CommandSupport
import Isolation
import RunFile
import RunReading
import Text

/// `nf-probe recover`: files of killed runs made whole.
struct RecoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: "Make the files of killed runs open plainly in every HDF5 program.",
    discussion: """
      A run that was killed, or whose machine failed, leaves a file that still says it is being written. nf-probe reads \
      it as it is; h5py, xarray and h5dump refuse it, or need their single-writer mode. This puts the file's true end \
      into its header and cuts off rows that the writer had only begun. No finished row is touched, a file that is \
      whole stays as it is, and a recovery that is itself stopped can be repeated.

      Do not use `h5clear -s` on such a file: it cuts off nearly everything that was recorded.

      Examples:
        nf-probe recover nf-probe-runs/train-001/normformer-seed0.h5
      """)

  @Argument(help: ArgumentHelp("Run files, and folders that hold some.", valueName: "run.h5"))
  var files: [String]

  @Flag(name: .shortAndLong, help: "Print nothing but what goes wrong.")
  var quiet = false

  mutating func validate() throws { files = try runFiles(named: files) }

  func run() throws {
    if Supervisor.isChild, files.count == 1 { return try recover(files[0]) }
    // A child each: a file that takes it down must not keep the others from being repaired.
    var isFailed = false
    for file in files {
      let outcome = try Supervisor.run(arguments: ["recover"] + (quiet ? ["--quiet"] : []) + ["--", file])
      if case .interrupted(let status) = outcome { throw ExitCode(status) }
      if let message = outcome.message(reading: file) {
        Console(isQuiet: false).draw("nf-probe: \(message)\n")
      }
      isFailed = isFailed || outcome.exitStatus != 0
    }
    if isFailed { throw ExitCode(1) }
  }

  private func recover(_ file: String) throws {
    let report = try GuardedReading([file]).repair(file)
    guard !quiet else { return }
    let steps = report.tables.first { $0.name == "step" }?.keptRows ?? 0
    let cut = report.tables.filter { $0.cutRows > 0 }.map { "\($0.cutRows) of \($0.name)" }
    let change =
      report.isChanged
      ? "opens plainly now"
        + (cut.isEmpty ? "" : "; unfinished rows cut off: \(cut.joined(separator: ", "))")
      : "was whole already, and is as it was"
    Console(isQuiet: false).print("\(file): \(change); \(counted(steps, "step"))")
  }
}
