import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Comparison
import RunReading

/// `nf-probe scales`: the learned scaling parameters, layer by layer.
struct ScalesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scales",
    abstract: "Show the learned scales of runs and checkpoints, layer by layer.",
    discussion: """
      The gains α of FFN LN and Post-Attn LN, HeadScale's γ and ResScale's λ: their distribution in each layer as in the \
      paper's Figure 4, whether they go with depth, how far they moved from 1, and how much of that weight decay alone \
      would have done. Of a run the last snapshot, or RUN@STEP. Runs that differ only in their seed are put together.

      Examples:
        nf-probe scales normformer.h5
        nf-probe scales normformer-seed*.h5 --svg scales.svg --paper
        nf-probe scales run.h5@0 run.h5@100 run.h5
        nf-probe scales run.h5 --figure drift --svg drift.svg
        nf-probe scales pre-ln.safetensors --all
      """)

  @Argument(
    help: ArgumentHelp(
      "Run files, folders that hold some, RUN@STEP, or checkpoints.", valueName: "run or checkpoint"))
  var files: [String]

  @OptionGroup var view: ScaleViewOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  mutating func validate() throws {
    files = try runFiles(named: files)
    guard !view.paper || output.out != nil || (view.svg != nil && view.figure == .boxes) else {
      throw ValidationError("--paper adds to the figure of boxes: give --svg FILE or --out DIR")
    }
  }

  func run() throws {
    let inputs = files.map(ComparisonInput.init)
    let runs = inputs.filter(\.isRun).map(\.path)
    guard !runs.isEmpty else { return try show(inputs, nil) }
    try GuardedReading.run(runs) { try show(inputs, $0) }
  }

  private func show(_ inputs: [ComparisonInput], _ reading: GuardedReading?) throws {
    let sources = try inputs.flatMap { try $0.scaleSources(reading) }
    let report = try ScaleReport(of: sources, options: view.options)
    try Presenter(view, Console(isQuiet: output.quiet)).present(
      ScalePresentation(report: report, view: view), into: .asked(output, command: "scales"))
  }
}
