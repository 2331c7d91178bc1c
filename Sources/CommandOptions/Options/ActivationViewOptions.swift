import Analysis
import ArgumentParser
import Documents

extension OutputStatistic: ExpressibleByArgument {}

/// The tables of operations' outputs.
package enum ActivationTable: String, ExpressibleByArgument, CaseIterable {
  /// Outputs by operation and layer.
  case outputs
  /// Heads of attention by layer.
  case heads
}

/// The figures of operations' outputs.
package enum ActivationFigure: String, ExpressibleByArgument, CaseIterable {
  /// Operations by layer.
  case map
  /// An operation over the layers, a line a group.
  case lines
  /// Heads by layer.
  case heads
}

/// What of outputs and heads is shown, and how.
package struct ActivationViewOptions: ParsableArguments, ViewOptions {
  @Option(
    help: ArgumentHelp(
      "Operations shown: a name such as input, or a pattern such as '*fc*'. (default: all)",
      valueName: "operation"))
  package var operation: String?

  @Option(help: "What is shown of an output; rms/stream is over the RMS of the stream that enters the layer.")
  package var statistic: OutputStatistic = .rms

  @Option(
    help: ArgumentHelp(
      "Layers shown: a list like 0,5,11, all, or paper (0, 1, L/2, L-2, L-1).", valueName: "layers"))
  package var layersShown = "paper"

  @Option(help: ArgumentHelp("Steps a to b-1. (default: the second half)", valueName: "a:b"))
  package var window: String?

  @Option(help: "The table that is printed. (default: both; for csv and json, outputs)")
  package var table: ActivationTable?

  @Option(help: "How tables are printed; csv and json have every layer, head and statistic.")
  package var format: TableFormat = .table

  @Option(help: ArgumentHelp("Also write a figure here, and its points beside it.", valueName: "file"))
  package var svg: String?

  @Option(help: "The figure of --svg: map (operations by layer), lines (by layer) or heads (entropy).")
  package var figure: ActivationFigure = .map

  @Flag(help: "Show runs together although their numbers do not mean the same.")
  package var mixContracts = false

  package init() {}

  package func validate() throws {
    _ = try StepWindow.parsed(window)
    _ = try LayerSelection.parsed(layersShown)
  }
}
