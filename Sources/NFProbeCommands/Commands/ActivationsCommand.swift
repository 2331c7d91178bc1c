import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import RunData
import RunFile
import RunReading

/// `nf-probe activations`: how large operations' outputs are, and what heads of attention do.
struct ActivationsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "activations",
    abstract: "Show how large operations' outputs are, and what heads of attention do.",
    discussion: """
      Of runs made with --activations: RMS, mean, maximum, kurtosis and massive elements of each operation's output, how \
      the residual stream grows with depth, and of each head the entropy of its attention, its largest logit, and the \
      share that the first token gets. Runs that differ only in their seed are put together.

      Examples:
        nf-probe train --activations --steps 300 --out outputs
        nf-probe activations outputs
        nf-probe activations pre-ln.h5 normformer.h5 --statistic kurtosis
        nf-probe activations run.h5 --operation input --svg stream.svg --figure lines
      """)

  @Argument(help: ArgumentHelp("Run files, and folders that hold some.", valueName: "run or folder"))
  var inputs: [String]

  @OptionGroup var view: ActivationViewOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    guard !inputs.isEmpty else { throw ValidationError("name run files, or folders that hold some") }
  }

  func run() throws {
    let files = try ReportFiles(inputs)
    try GuardedReading.run(files.paths) { reading in
      try Presenter(view, Console(isQuiet: output.quiet)).present(
        ActivationPresentation(report: report(of: files.paths, reading), view: view),
        into: .asked(output, command: "activations"))
    }
  }

  private func report(of files: [String], _ reading: GuardedReading) throws -> OutputReport {
    let readers = try files.map { try reading.open($0) }
    let window = try StepWindow.parsed(view.window) ?? .defaultWindow(for: readers.map(\.steps))
    let runs = try readers.map { reader in
      var run = try reading.read(reader, tensors: [])
      if let range = window.range(in: reader.steps) {
        run.outputSummary = try reading.outputSummary(reader, window: range)
      }
      return run
    }
    return try OutputReport(
      runs: runs, statistic: view.statistic, operations: [view.operation].compactMap(\.self), window: window,
      selection: .parsed(view.layersShown), allowsMixedContracts: view.mixContracts)
  }
}
