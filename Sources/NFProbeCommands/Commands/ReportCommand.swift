import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Experiments
import RunData
import RunReading
import Text

/// `nf-probe report`: everything that a set of runs shows, as one page and its parts.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Make one HTML report of a set of runs, with all figures and tables.",
    discussion: """
      Takes run files and folders of them (of grads, train, sweep, stability, or a recipe's --runs), of any mix of \
      architectures, seeds and sizes. report.html needs nothing beside it and prints well; report.md and report.tex say \
      the same, and figures/ and tables/ hold every part as SVG, CSV, Markdown and LaTeX. The same runs give the same \
      bytes.

      Examples:
        nf-probe report nf-probe-runs/grads-001
        nf-probe report pre-ln-seed*.h5 normformer-seed*.h5 --out review
        nf-probe report rates stability-001 --title "Learning rates" --window 200:300
        nf-probe report normformer-seed*.h5 --operation fc1.weight --paper
      """)

  @Argument(help: ArgumentHelp("Run files, and folders that hold some.", valueName: "run or folder"))
  var inputs: [String]

  @Option(help: "Title of the report. (default: names the groups)")
  var title: String?

  @Option(
    help: ArgumentHelp(
      "The operation whose mismatch is shown: a name, or a pattern such as '*down_proj*'. (default: fc2.weight; without "
        + "one, the last large matrix of a layer)", valueName: "tensor"))
  var operation: String?

  @Option(
    name: .customLong("statistic"),
    help:
      "What is shown of it: of the gradient, the weights, or the updates; or what the figure of noise shows.")
  var shown: ShownStatistic = .ofTensors(.l1)

  @Option(
    help: ArgumentHelp(
      "Steps a to b-1 that means of gradients run over. (default: the second half; for ratios 950:1000 where recorded)",
      valueName: "a:b"))
  var window: String?

  @Option(
    help: ArgumentHelp(
      "Group that others are compared with: an architecture or a group's label. (default: pre-ln, else the first)",
      valueName: "group"))
  var base: String?

  @Option(
    help: ArgumentHelp(
      "From which numbers on findings speak, such as max-logit=50,spread=5; the report lists all and their sources.",
      valueName: "list"))
  var thresholds: String?

  @Flag(help: "Draw the paper's own boxes (125M, digitised) below those of learned scales.")
  var paper = false

  @Flag(help: "Show runs together although their numbers do not mean the same.")
  var mixContracts = false

  @OptionGroup var stacks: StackOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    guard !inputs.isEmpty else { throw ValidationError("name run files, or folders that hold some") }
    _ = try StepWindow.parsed(window)
    _ = try FindingThresholds.parsed(thresholds)
  }

  func run() throws {
    let files = try ReportFiles(inputs)
    try GuardedReading.run(files.paths, stack: stacks.stack) { reading in
      Console(isQuiet: output.quiet).progress("reading \(counted(files.paths.count, "run file"))")
      let runs = try ReportReading(
        files: files, reading: reading, operation: operation, statistic: shown.ofTensors,
        window: StepWindow.parsed(window))
      if let note = runs.choice.note { Console(isQuiet: output.quiet).progress(note) }
      try ReportFolder(console: Console(isQuiet: output.quiet)).write(
        report(on: runs, of: files), output)
    }
  }

  private func report(on runs: ReportReading, of files: ReportFiles) throws -> RunReport {
    let byPath = runs.byPath
    do {
      return try RunReport(
        runs: runs.reported, options: options(runs.choice.operation),
        sweeps: files.folders.filter(SweepPlan.exists).map { folder in
          try SweepPlan(folder: folder).report(in: folder) { byPath[$0] }
        },
        gradients: runs.gradients)
    } catch let error as AnalysisError {
      guard case .noSuchBase = error else { throw error }
      throw CommandError.usage("\(error)")
    }
  }

  private func options(_ operation: String) throws -> ReportOptions {
    ReportOptions(
      title: title, operation: operation, statistic: shown.ofTensors, noise: shown.ofNoise,
      window: try StepWindow.parsed(window),
      base: base, addsPaper: paper,
      allowsMixedContracts: mixContracts, thresholds: try FindingThresholds.parsed(thresholds),
      program: FigureFile.program, command: command)
  }

  /// The command line without what does not change the report, so that it does not depend on where it is written.
  private var command: String {
    var words = ["nf-probe", "report"] + inputs.map(ReportFiles.shown)
    let named = [
      ("title", title), ("window", window), ("base", base), ("stack", stacks.stack),
      ("thresholds", thresholds),
    ]
    for (name, value) in named {
      if let value { words += ["--\(name)", value] }
    }
    if let operation, operation != OperationChoice.usual { words += ["--operation", operation] }
    if shown != .ofTensors(.l1) { words += ["--statistic", shown.defaultValueDescription] }
    if paper { words.append("--paper") }
    if mixContracts { words.append("--mix-contracts") }
    return words.map(shellWord).joined(separator: " ")
  }
}
