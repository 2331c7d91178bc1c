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

/// One number per tensor that the commands can show, derived from ``TensorSums``.
public enum GradientStatistic: String, Sendable, CaseIterable {
  /// Σ|g|: what the paper plots.
  case l1
  /// √Σg².
  case l2
  /// √(Σg²/n): comparable between tensors of different size.
  case rms
  /// Σ|g|/n.
  case mean

  /// A sum that is recorded of every tensor.
  public enum Sum: Sendable, CaseIterable {
    /// Σ|g|.
    case l1
    /// Σg².
    case sumSquares
  }

  /// What the statistic is made of.
  public var sum: Sum {
    switch self {
    case .l1, .mean: .l1
    case .l2, .rms: .sumSquares
    }
  }

  /// The statistic of one tensor.
  public func value(of sums: TensorSums) -> Double {
    value(l1: sums.l1, sumSquares: sums.sumSquares, count: sums.count)
  }

  /// The statistic from the stored sums; not a number where `count` is 0.
  public func value(l1: Double, sumSquares: Double, count: Int) -> Double {
    guard count > 0 else { return .nan }
    switch self {
    case .l1: return l1
    case .l2: return sumSquares.squareRoot()
    case .rms: return (sumSquares / Double(count)).squareRoot()
    case .mean: return l1 / Double(count)
    }
  }
}
