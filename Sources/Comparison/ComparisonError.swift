import Checkpoints

/// Why checkpoints cannot be compared, in words for the person who asked for it.
public enum ComparisonError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No tensor of one shape that both have.
  case nothingInCommon(first: String, firstHas: String, second: String, secondHas: String)

  /// What is wrong, where, and what to do.
  public var description: String {
    switch self {
    case .nothingInCommon(let first, let firstHas, let second, let secondHas):
      return "\(first) and \(second) have no tensor in common that can be compared. \(first) has \(firstHas);"
        + " \(second) has \(secondHas)"
    }
  }
}

extension ComparisonError {
  static func nothingInCommon(_ sides: [ComparisonSide]) -> ComparisonError {
    .nothingInCommon(
      first: sides[0].title, firstHas: content(sides[0]), second: sides[1].title,
      secondHas: content(sides[1]))
  }

  private static func content(_ side: ComparisonSide) -> String {
    guard !side.tensors.isEmpty else { return "no tensors" }
    let shown = side.tensors.prefix(4).map { "\($0.info.name) \($0.shape)" }.joined(separator: ", ")
    let names = side.view.adapter.map { "with the names of \($0.title)" } ?? "with names of no known library"
    let more = side.tensors.count > 4 ? ", …" : ""
    let count = side.tensors.count == 1 ? "1 tensor" : "\(side.tensors.count) tensors"
    return "\(count) \(names) (\(shown)\(more))"
  }
}
