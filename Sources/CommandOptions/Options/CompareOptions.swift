import ArgumentParser
import Comparison

extension Grouping: ExpressibleByArgument {}

/// Which of a comparison's tables is printed.
package enum ComparisonTable: String, CaseIterable, ExpressibleByArgument {
  /// How much tensors changed.
  case changes
  /// Means and ranges of gains and learned scales.
  case scales
  /// Singular values.
  case spectra
  /// What cannot be compared, or only with care.
  case differences
}

/// Which of a comparison's figures is drawn.
package enum ComparisonFigure: String, CaseIterable, ExpressibleByArgument {
  /// Layers by operations, coloured by how much they changed; of a path, lines.
  case changes
  /// Means of gains and learned scales, from A to B in each layer.
  case scales
}
