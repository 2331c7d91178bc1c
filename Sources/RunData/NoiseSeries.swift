/// What gradients tell of noise along a run: sums of squares of the whole batch's and of its parts', in each layer and outside of the layers.
public struct NoiseSeries: Equatable, Sendable {
  /// Steps that were looked at by parts, ascending.
  public var steps: [Int]
  /// Parts of each.
  public var parts: [Int]
  /// Tokens of a part, at each step.
  public var partTokens: [Double]
  /// Tokens of the whole batch, at each step.
  public var tokens: [Double]
  /// The mean over the parts of |g_i|², `(place)(record)`: the layers in order, then what lies outside of them.
  public var partSquares: [[Double]]
  /// |g|² of the whole batch, `(place)(record)`.
  public var squares: [[Double]]

  /// A series without a record.
  public init(placeCount: Int) {
    steps = []
    parts = []
    partTokens = []
    tokens = []
    partSquares = Array(repeating: [], count: placeCount)
    squares = partSquares
  }

  /// The number of places: the layers and what lies outside of them.
  public var placeCount: Int { squares.count }

  /// Noise and signal of some places together at one record.
  public func sums(places: some Sequence<Int>, record: Int) -> NoiseSums {
    var (part, whole) = (0.0, 0.0)
    for place in places {
      part += partSquares[place][record]
      whole += squares[place][record]
    }
    return NoiseSums(
      partSquares: part, squares: whole, partTokens: partTokens[record], tokens: tokens[record])
  }
}
