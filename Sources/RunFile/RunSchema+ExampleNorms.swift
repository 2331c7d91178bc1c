import RunData

extension RunSchema {
  /// Sums of squares of the norms' gradients by sequence.
  static let exampleNorms = ColumnGroup<StepRow>(
    "example_norms",
    [
      Column(name: normExamples, number: .int32, longName: "sequences that a loss is taken at"),
      Column(
        name: "norm_example_tokens", number: .float64,
        longName: "tokens of a sequence; the harmonic mean where they differ"),
      Column(
        name: "norm_example_sum_squares", number: .float64, dimensions: [.layer],
        longName: "sum over the sequences of each one's sum of squares of the gradient of norms"),
      Column(
        name: "norm_sum_squares", number: .float64, dimensions: [.layer],
        longName: "sum of squares of the gradient of norms"),
      Column(
        name: "stem_norm_example_sum_squares", number: .float64,
        longName:
          "sum over the sequences of each one's sum of squares of the gradient of the norm outside the layers"
      ),
      Column(
        name: "stem_norm_sum_squares", number: .float64,
        longName: "sum of squares of the gradient of the norm outside the layers"),
    ]
  ) { row in
    guard let sums = row.record.exampleNorms else { return [] }
    return [
      .integers([sums.examples]), .reals([sums.exampleTokens]), .reals(sums.exampleSquares),
      .reals(sums.squares), .reals([sums.stemExampleSquares]), .reals([sums.stemSquares]),
    ]
  }

  /// The variable that files with sums by sequence have.
  static let normExamples = "norm_examples"
}
