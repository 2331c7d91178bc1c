import ArgumentParser

/// The forms that a run is exported in.
package enum ExportFormat: String, CaseIterable, ExpressibleByArgument {
  /// Tidy comma-separated values.
  case csv
  /// One JSON object a number, a line each.
  case jsonl
  /// An event file of TensorBoard.
  case tensorboard
  /// LaTeX source and the numbers that it draws.
  case pgfplots
  /// A Jupyter notebook.
  case notebook
  /// Not written here: the Python package does it.
  case parquet

  package static var allValueStrings: [String] { allCases.filter { $0 != .parquet }.map(\.rawValue) }

  /// Whether it is lines of numbers that may go to standard output.
  package var isText: Bool { self == .csv || self == .jsonl }

  /// Whether it puts several runs together.
  package var isComparison: Bool { self == .pgfplots || self == .notebook }

  /// What `--out` names.
  package var outputHint: String {
    switch self {
    case .csv, .jsonl, .parquet: "FILE"
    case .tensorboard: "DIR, the log folder"
    case .pgfplots: "NAME.tex; the numbers go to NAME.csv beside it"
    case .notebook: "NAME.ipynb"
    }
  }
}
