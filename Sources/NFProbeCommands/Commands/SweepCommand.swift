import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Documents
import Experiments
import Foundation
import Kernels
import RunFile
import RunReading
import Text

extension SweepBudget: ExpressibleByArgument {}

/// `nf-probe sweep`: a grid of runs from one file, and what came out.
struct SweepCommand: ParsableCommand, ViewOptions {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Train a grid of runs described by one YAML file, and compare their held-out perplexity.",
    discussion: """
      The file names base options of `nf-probe train`, what varies, and seeds; every combination is trained with every \
      seed. With --budget flops or seconds, each combination gets the steps that cost as much as the baseline's. A \
      sweep that was interrupted or killed goes on with --resume; a sweep's folder shows what it holds so far.

        title: learning rates
        base: {layers: 12, dim: 64, steps: 600, decay: linear}
        vary:
          model:
            Baseline: {architecture: pre-ln}
            NormFormer: {architecture: normformer}
          lr: [0.001, 0.003]
        seeds: 3
        baseline: {model: Baseline}
        choose: lr

      Examples:
        nf-probe sweep rates.yaml
        nf-probe sweep rates.yaml --budget seconds --out rates
        nf-probe sweep --resume rates
        nf-probe sweep rates.yaml --out rates --shard 2/8
        nf-probe sweep recipe.yaml --out runs --shard 2/8
        nf-probe sweep rates --table best --format latex
      """)

  @Argument(
    help: ArgumentHelp(
      "The YAML file of a sweep or of a recipe, or the folder of a sweep to read.", valueName: "file"))
  var path: String?

  @Option(help: "What each combination gets as much of as the baseline. (default: the file's, else steps)")
  var budget: SweepBudget?

  @Option(help: ArgumentHelp("Training seconds of each run; implies --budget seconds.", valueName: "s"))
  var seconds: Double?

  @Option(help: "Seeds 0 to n-1 instead of the file's.")
  var seeds: Int?

  @Flag(help: "Print what would be trained, and train nothing.")
  var dryRun = false

  @Option(help: ArgumentHelp("Go on with the interrupted sweep in this folder.", valueName: "dir"))
  var resume: String?

  @Option(
    help: ArgumentHelp(
      "Make the i-th of N shares of the runs in the folder --out, from 1/N to N/N, which other processes fill with the others, on this "
        + "machine or on others; then what those have left.", valueName: "i/N"))
  var shard: SweepShard?

  @Option(help: "The table that is printed: grid, best, crossings or runs. (default: all but runs)")
  var table: SweepTable?

  @Option(help: "How tables are printed; csv and json print the grid unless --table says otherwise.")
  var format: TableFormat = .table

  @Option(help: ArgumentHelp("Also write a figure here, and its points beside it.", valueName: "file"))
  var svg: String?

  @Option(help: "The figure of --svg: perplexity (final) or curves (over the budget).")
  var figure: SweepFigure = .perplexity

  @OptionGroup(title: "Machine") var machine: MachineOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    guard (path == nil) != (resume == nil) else {
      throw ValidationError(
        path == nil ? "name a sweep's file or folder" : "--resume names the folder; no file stands beside it")
    }
    if let seeds, !(1...1000).contains(seeds) {
      throw ValidationError("--seeds must be between 1 and 1000, not \(seeds)")
    }
    if let seconds, !(seconds > 0 && seconds < 1e9) {
      throw ValidationError("--seconds must be above 0, not \(seconds)")
    }
    guard shard == nil || output.out != nil || resume != nil else {
      throw ValidationError("--shard: say with --out which folder the processes share")
    }
    guard shard == nil || !output.overwrite else {
      throw ValidationError("--shard: --overwrite would replace what other processes have made")
    }
    if seconds != nil, let budget, budget != .seconds {
      throw ValidationError(
        "--seconds is a budget of its own; it does not go with --budget \(budget.rawValue)")
    }
  }

  func run() throws {
    let console = Console(isQuiet: output.quiet)
    if let resume = resume.map(OutputFolder.path(of:)) {
      let plan = try SweepPlan(folder: resume)
      try train(plan, into: OutputFolder(existing: resume), resuming: true, console)
    } else if let path, SweepPlan.exists(in: path) {
      guard shard == nil else {
        throw CommandError.usage(
          "--shard: \(path) is read as it stands; --resume \(path) makes what is left of it")
      }
      try read(path, console)
    } else if let path {
      try begin(SweepFile(path: path), console)
    }
  }

  /// Decides the grid, then trains it.
  private func begin(_ file: SweepFile, _ console: Console) throws {
    let decide = {
      try SweepPlanner(threadCount: machine.threadCount, host: ProgramHost(console: console)).plan(
        file, budget: seconds == nil ? budget : .seconds, seconds: seconds, seedCount: seeds)
    }
    if shard != nil, !dryRun, let out = output.out {
      let folder = try OutputFolder(shared: out)
      let plan = try SharedSweep.plan(of: file, in: out, seedCount: seeds, decide: decide) { own in
        try OutputFolder.write(file.text, to: folder.file("sweep.yaml"))
        try NFProbe.record(fixed: machine.threads == nil ? ["--threads=\(own.threads)"] : [])
          .write(into: folder)
      }
      return try train(plan, into: folder, resuming: true, console)
    }
    let plan = try decide()
    guard !dryRun else {
      return console.print([try plan.report(in: ".", read: { _ in nil }).table], as: format)
    }
    let folder = try OutputFolder(output, command: "sweep")
    try NFProbe.record(fixed: machine.threads == nil ? ["--threads=\(machine.threadCount)"] : [])
      .write(into: folder)
    try OutputFolder.write(file.text, to: folder.file("sweep.yaml"))
    try plan.write(into: folder.path)
    try train(plan, into: folder, resuming: false, console)
  }

  private func train(_ plan: SweepPlan, into folder: OutputFolder, resuming: Bool, _ console: Console) throws
  {
    var machine = machine
    // The sums of another number of threads differ in their last bits.
    if shard != nil, machine.threads == nil { machine.threads = plan.threads }
    StopSignal.watch()
    let runner = SweepRunner(
      plan, folder: folder.path, threadCount: machine.threadCount, host: ProgramHost(console: console),
      replacing: output.overwrite, resuming: resuming, shard: shard)
    let left = try runner.runToEnd(console, in: folder)
    guard left == 0 else {
      return console.progress(
        "other processes are making \(counted(left, "run")); nf-probe sweep \(folder.path) shows all when they are done"
      )
    }
    let report = try plan.report(in: folder.path) { path in
      FileManager.default.fileExists(atPath: path) ? try RunFileReader(path: path).read(tensors: []) : nil
    }
    let presenter = Presenter(self, console)
    let result = SweepPresentation(report: report, view: self)
    // Files first: a table that cannot be had must not keep what was trained from being written.
    try presenter.write(result, into: folder)
    try presenter.show(result)
    try runner.tellFailures()
  }

  /// What a sweep's folder holds, also while it is being filled.
  private func read(_ path: String, _ console: Console) throws {
    let plan = try SweepPlan(folder: path)
    let files = plan.cells.indices.flatMap { cell in
      plan.seeds.map { "\(path)/\(plan.fileName(cell: cell, seed: $0))" }
    }.filter { FileManager.default.fileExists(atPath: $0) }
    guard !files.isEmpty else { throw CommandError.failed("\(path) holds none of its runs yet") }
    try GuardedReading.run(files) { reading in
      let report = try plan.report(in: path) { file in
        files.contains(file) ? try reading.read(reading.open(file), tensors: []) : nil
      }
      try Presenter(self, console).present(
        SweepPresentation(report: report, view: self), into: .asked(output, command: "sweep"))
    }
  }
}

extension SweepShard: ExpressibleByArgument {
  /// Reads `i/N`.
  package init?(argument: String) { self.init(argument) }
}

extension SweepRunner {
  /// Ends the program with what commands did not make, after everything else.
  func tellFailures() throws {
    guard !failures.isEmpty else { return }
    throw CommandError.failed(
      "\(counted(failures.count, "run")) could not be made: \(failures.joined(separator: "; "))")
  }

  /// Makes the runs, and returns how many other processes are making.
  /// - Throws: `ExitCode` where somebody stopped it.
  @discardableResult
  func runToEnd(_ console: Console, in folder: OutputFolder, waiting isWaiting: Bool = false) throws -> Int {
    switch try run(waiting: isWaiting) {
    case .made(let left): return left
    case .interrupted: try stopped(console, in: folder)
    }
  }
}

/// Says how a sweep that was stopped goes on, and ends the program.
func stopped(_ console: Console, in folder: OutputFolder) throws -> Never {
  console.progress("stopped; nf-probe sweep --resume \(folder.path) goes on")
  throw ExitCode(StopSignal.exitStatus)
}
