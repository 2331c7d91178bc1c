/// What one step tells of noise and signal: how large the gradient is, and how large the gradients of equal parts of its batch are.
public struct NoiseRecord: Equatable, Sendable {
  /// The optimizer step, counted from 0.
  public var step: Int
  /// Parts that the batch was cut into, k. Each is of whole sequences.
  public var parts: Int
  /// Tokens of a part, b; the harmonic mean where parts differ.
  public var partTokens: Double
  /// Tokens of the whole batch, B.
  public var tokens: Int
  /// Σ over the parts of |g_i|², each g_i the gradient of the part's own mean loss; `(layer, tensor)` as in ``GradientLayout``.
  public var partSquares: [Double]
  /// The same of the tensors outside the layers.
  public var stemPartSquares: [Double]
  /// |g|² of the whole batch's gradient, `(layer, tensor)`.
  public var squares: [Double]
  /// The same of the tensors outside the layers.
  public var stemSquares: [Double]

  /// Creates a record.
  public init(
    step: Int, parts: Int, partTokens: Double, tokens: Int, partSquares: [Double], stemPartSquares: [Double],
    squares: [Double], stemSquares: [Double]
  ) {
    self.step = step
    self.parts = parts
    self.partTokens = partTokens
    self.tokens = tokens
    self.partSquares = partSquares
    self.stemPartSquares = stemPartSquares
    self.squares = squares
    self.stemSquares = stemSquares
  }
}

/// Noise and signal of some tensors at one step, from sums of squares.
///
/// McCandlish, Kaplan, Amodei: "An Empirical Model of Large-Batch Training" (arXiv 1812.06162), appendix A.1: with E|g_b|² = |G|² + tr Σ / b
/// for the gradient of b independent samples, two batch sizes give both without bias. Sums over tensors add; quotients do not.
public struct NoiseSums: Equatable, Sendable {
  /// The mean over the parts of |g_i|².
  public var partSquares: Double
  /// |g|² of the whole batch's gradient.
  public var squares: Double
  /// Samples of a part, b.
  public var partTokens: Double
  /// Samples of the whole, B.
  public var tokens: Double

  /// Creates sums.
  public init(partSquares: Double, squares: Double, partTokens: Double, tokens: Double) {
    self.partSquares = partSquares
    self.squares = squares
    self.partTokens = partTokens
    self.tokens = tokens
  }

  /// An unbiased estimate of tr Σ, the variance of one sample's gradient: it may be negative at a single step.
  public var noise: Double { (partSquares - squares) / (1 / partTokens - 1 / tokens) }

  /// An unbiased estimate of |G|², the square of the gradient without noise: it may be negative at a single step.
  public var signal: Double { squares - noise / tokens }
}
