import ArgumentParser
import CommandOptions
import CommandSupport
import Experiments
import Isolation
import RunFile
import RunReading
import Text

/// `nf-probe pack`: files of finished runs made small.
struct PackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Compress the files of finished runs, or thin them out.",
    discussion: """
      Writes each run's file anew, compressed with shuffle and deflate, which h5py, xarray and every HDF5 library read by \
      themselves. The copy is read back and its rows compared with the original's checksums; only then does it take the \
      original's place. All commands read packed files. Nothing can be added to one: a run that may go on with --resume \
      is packed when it has ended.

      --every 100 keeps the first of each hundred steps, and of the steps left out the smallest and largest value of every \
      number. That cannot be undone, so it needs --to, or --replace.

      Examples:
        nf-probe pack nf-probe-runs/train-001/normformer-seed0.h5
        nf-probe pack long.h5 --every 100 --to thin.h5
      """)

  @Argument(help: ArgumentHelp("Run files, and folders that hold some.", valueName: "run.h5"))
  var files: [String]

  @Option(help: ArgumentHelp("Keep one step in N, with the extremes of each stretch.", valueName: "N"))
  var every = 1

  @Option(help: ArgumentHelp("Write the packed file here and keep the original.", valueName: "file"))
  var to: String?

  @Flag(help: "Let a thinned file take the original's place.")
  var replace = false

  @Flag(name: .shortAndLong, help: "Print nothing but what goes wrong.")
  var quiet = false

  mutating func validate() throws {
    files = try runFiles(named: files)
    guard every > 0 else { throw ValidationError("--every must be at least 1, not \(every)") }
    guard to == nil || files.count == 1 else { throw ValidationError("--to takes one run file") }
    guard to == nil || !replace else {
      throw ValidationError("--to keeps the original and --replace does not; say one of them")
    }
    guard every == 1 || to != nil || replace else {
      throw ValidationError(
        "--every leaves steps out for good: --to FILE keeps the original, --replace does not")
    }
  }

  func run() throws {
    if Supervisor.isChild, files.count == 1 { return try pack(files[0]) }
    // A child each: a file that takes it down must not keep the others from being packed.
    var isFailed = false
    for file in files {
      let outcome = try Supervisor.run(arguments: arguments(for: file))
      if case .interrupted(let status) = outcome { throw ExitCode(status) }
      if let message = outcome.message(reading: file) {
        Console(isQuiet: false).draw("nf-probe: \(message)\n")
      }
      isFailed = isFailed || outcome.exitStatus != 0
    }
    if isFailed { throw ExitCode(1) }
  }

  private func arguments(for file: String) -> [String] {
    ["pack", "--every", String(every)] + (to.map { ["--to", $0] } ?? []) + (replace ? ["--replace"] : [])
      + (quiet ? ["--quiet"] : []) + ["--", file]
  }

  private func pack(_ file: String) throws {
    let report = try GuardedReading([file]).pack(RunFilePacking(of: file, to: to, every: every))
    guard !quiet else { return }
    let kept =
      report.keptSteps == report.recordedSteps
      ? counted(report.keptSteps, "step")
      : "\(report.keptSteps) of \(counted(report.recordedSteps, "step")), with the extremes of those between"
    let share = 100 * Double(report.bytesAfter) / Double(max(1, report.bytesBefore))
    Console(isQuiet: false).print(
      "\(report.path): \(report.bytesBefore) bytes became \(report.bytesAfter) (\(rounded(share, 1)) %); \(kept)"
    )
  }
}
