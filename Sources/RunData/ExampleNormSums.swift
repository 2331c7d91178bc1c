/// What the norms' gradients by sequence tell of a step's noise: sums of squares of the gains and biases of norms alone, which a backward
/// pass has nearly for free.
///
/// Gray et al., "Normalization Layer Per-Example Gradients are Sufficient to Predict Gradient Noise Scale in Transformers" (arXiv 2411.00999).
public struct ExampleNormSums: Equatable, Sendable {
  /// Sequences that a loss is taken at.
  public var examples: Int
  /// Tokens of a sequence; the harmonic mean where they differ.
  public var exampleTokens: Double
  /// Σ over the sequences of |g_b|², each g_b the gradient of the sequence's own mean loss; `(layer)`.
  public var exampleSquares: [Double]
  /// |g|² of the whole batch, `(layer)`.
  public var squares: [Double]
  /// Σ over the sequences of |g_b|² of the norms outside of the layers.
  public var stemExampleSquares: Double
  /// |g|² of the norms outside of the layers.
  public var stemSquares: Double

  /// Creates sums.
  public init(
    examples: Int, exampleTokens: Double, exampleSquares: [Double], squares: [Double],
    stemExampleSquares: Double, stemSquares: Double
  ) {
    self.examples = examples
    self.exampleTokens = exampleTokens
    self.exampleSquares = exampleSquares
    self.squares = squares
    self.stemExampleSquares = stemExampleSquares
    self.stemSquares = stemSquares
  }
}
