import Analysis
import ArgumentParser
import Documents

/// Which of the tables of learned scales is printed.
package enum ScaleTable: String, CaseIterable, ExpressibleByArgument {
  /// Quartiles, range and shares near 0 and 1 by layer.
  case distribution
  /// Correlation with depth, distance from 1, weight decay's part.
  case trend
  /// Medians at every snapshot.
  case drift
  /// Heads with a small γ.
  case heads
}

/// Which of the figures of learned scales is drawn.
package enum ScaleFigure: String, CaseIterable, ExpressibleByArgument {
  /// A box a layer.
  case boxes
  /// Medians over training.
  case drift
}

/// What of learned scales is shown, and how.
package struct ScaleViewOptions: ParsableArguments, ViewOptions {
  @Flag(help: "Show the gains of the other norms, too, not only what NormFormer adds.")
  package var all = false

  @Option(help: ArgumentHelp("How far from 0 or 1 counts as near.", valueName: "x"))
  package var near = 0.05

  @Option(help: ArgumentHelp("List heads whose |γ| is below this.", valueName: "x"))
  package var small = 0.1

  @Option(
    help: ArgumentHelp(
      "Layers of tables and of lines: a list like 0,5,11, all, or paper (0, 1, L/2, L-2, L-1).",
      valueName: "layers"))
  package var layersShown = "paper"

  @Option(help: "The table that is printed. (default: distribution, trend and small heads)")
  package var table: ScaleTable?

  @Option(help: "How tables are printed; csv and json have every layer, and every seed by itself.")
  package var format: TableFormat = .table

  @Option(help: ArgumentHelp("Also write a figure here, and its points beside it.", valueName: "file"))
  package var svg: String?

  @Option(help: "The figure of --svg: boxes (the paper's Figure 4) or drift (medians over training).")
  package var figure: ScaleFigure = .boxes

  @Flag(help: "Draw the paper's own boxes (125M, digitised) in a row below.")
  package var paper = false

  package init() {}

  package func validate() throws {
    for (name, value) in [("--near", near), ("--small", small)] where !(value >= 0 && value.isFinite) {
      throw ValidationError("\(name) must be a number that is not negative, not \(value)")
    }
    _ = try LayerSelection.parsed(layersShown)
  }

  package var options: ScaleOptions { ScaleOptions(near: near, small: small, includesAllGains: all) }
}
