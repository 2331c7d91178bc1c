import RunData

extension RunSchema {
  /// Sums of squares of the norms' gradients by sequence. ``exampleNormValues(_:)`` follows the same order.
  static func exampleNormColumns() -> [Column] {
    let (subject, stem) = (" of norms", "norm outside the layers")
    return [
      Column(name: normExamples, number: .int32, longName: "sequences that a loss is taken at"),
      Column(
        name: "norm_example_tokens", number: .float64,
        longName: "tokens of a sequence; the harmonic mean where they differ"),
      Column(
        name: "norm_example_sum_squares", number: .float64, dimensions: [.layer],
        longName: "sum over the sequences of each one's sum of squares of the gradient\(subject)"),
      Column(
        name: "norm_sum_squares", number: .float64, dimensions: [.layer],
        longName: "sum of squares of the gradient\(subject)"),
      Column(
        name: "stem_norm_example_sum_squares", number: .float64,
        longName: "sum over the sequences of each one's sum of squares of the gradient of the \(stem)"),
      Column(
        name: "stem_norm_sum_squares", number: .float64,
        longName: "sum of squares of the gradient of the \(stem)"),
    ]
  }

  /// The variable that files with sums by sequence have.
  static let normExamples = "norm_examples"

  /// The values of one step in the order of ``exampleNormColumns()``.
  func exampleNormValues(_ record: StepRecord) -> [RowValue] {
    guard let sums = record.exampleNorms else { return [] }
    return [
      .integers([sums.examples]), .reals([sums.exampleTokens]), .reals(sums.exampleSquares),
      .reals(sums.squares), .reals([sums.stemExampleSquares]), .reals([sums.stemSquares]),
    ]
  }
}
