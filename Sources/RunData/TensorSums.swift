/// Sums over the elements of one tensor that can be merged over shards, layers or tensors.
///
/// Accumulated in float64. Non-finite elements are counted and not hidden: they make `l1`, `sumSquares` and
/// `maxAbs` non-finite too.
public struct TensorSums: Equatable, Sendable {
  /// Number of elements.
  public var count: Int
  /// Σ|g|, the paper's quantity.
  public var l1: Double
  /// Σg².
  public var sumSquares: Double
  /// max|g|.
  public var maxAbs: Double
  /// Elements that are exactly zero.
  public var zeros: Int
  /// Elements that are infinite or not a number.
  public var nonfinite: Int

  /// Stands in a run file for the zeros and non-finite elements of what was not measured: of a tensor that does not train
  /// at a step, being frozen or reached by no loss. Its other sums are not a number.
  public static let missingCount = Int(UInt32.max)

  /// Sums of no elements.
  public static let empty = TensorSums(count: 0, l1: 0, sumSquares: 0, maxAbs: 0, zeros: 0, nonfinite: 0)

  /// Creates sums from their parts.
  public init(count: Int, l1: Double, sumSquares: Double, maxAbs: Double, zeros: Int, nonfinite: Int) {
    self.count = count
    self.l1 = l1
    self.sumSquares = sumSquares
    self.maxAbs = maxAbs
    self.zeros = zeros
    self.nonfinite = nonfinite
  }

  /// The sums over the union of two disjoint sets of elements.
  public func merged(with other: TensorSums) -> TensorSums {
    TensorSums(
      count: count + other.count, l1: l1 + other.l1, sumSquares: sumSquares + other.sumSquares,
      // `Swift.max` would drop a NaN on one side.
      maxAbs: maxAbs.isNaN || other.maxAbs.isNaN ? .nan : max(maxAbs, other.maxAbs),
      zeros: zeros + other.zeros, nonfinite: nonfinite + other.nonfinite)
  }

  /// √Σg².
  public var l2: Double { sumSquares.squareRoot() }
  /// √(Σg²/n); not a number for an empty tensor.
  public var rms: Double { (sumSquares / Double(count)).squareRoot() }
  /// Σ|g|/n; not a number for an empty tensor.
  public var meanAbs: Double { l1 / Double(count) }
}
