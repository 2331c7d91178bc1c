import Randomness

/// Spearman's rank correlation of a number of each layer with depth, and a permutation test of it.
///
/// Equal numbers share their mean rank. The two-sided p-value is the share of orders of the layers whose |ρ| is at least as
/// large as the one found: of all orders up to ``exactLimit`` layers; else of ``permutationCount`` random ones and the one
/// found, so (b + 1) / (B + 1) (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, 4.11).
public struct DepthCorrelation: Equatable, Sendable {
  /// How the p-value was found.
  public enum Method: String, Equatable, Sendable {
    /// From all orders of the layers.
    case exact
    /// From random orders.
    case random
  }

  /// Up to as many layers all orders are gone through: 362,880.
  public static let exactLimit = 9
  /// Random orders of more layers.
  public static let permutationCount = 9999
  /// What random orders are drawn from, the same for every test.
  package static let seed: UInt64 = 0x7363_616C_6573

  /// ρ: 1 where the numbers rise with depth throughout, -1 where they fall; not a number for fewer than two layers, or where
  /// all are equal.
  public let value: Double
  /// Layers that have a finite number.
  public let count: Int
  /// The two-sided p-value; not a number where ρ is.
  public let pValue: Double
  /// How it was found.
  public let method: Method

  /// Correlates the layers' numbers, in the order of the layers; those that are not finite are left out.
  public init(of numbers: [Double]) {
    let ranks = Self.doubledRanks(numbers.filter(\.isFinite))
    count = ranks.count
    method = ranks.count <= Self.exactLimit ? .exact : .random
    let covariance = Self.covariance(ranks)
    let depths = ranks.indices.map(Double.init)
    let scale = (Self.variance(ranks) * Self.variance(depths)).squareRoot()
    guard scale > 0 else {
      (value, pValue) = (.nan, .nan)
      return
    }
    value = covariance / scale
    pValue =
      method == .exact
      ? Self.exactPValue(ranks, atLeast: abs(covariance))
      : Self.randomPValue(ranks, atLeast: abs(covariance))
  }

  /// Twice the mean rank of each number, counted from 1: whole numbers, so that sums of them are exact.
  private static func doubledRanks(_ numbers: [Double]) -> [Double] {
    let order = numbers.indices.sorted { numbers[$0] < numbers[$1] }
    var ranks = numbers
    var start = 0
    while start < order.count {
      let end = order[start...].firstIndex { numbers[$0] != numbers[order[start]] } ?? order.count
      for place in start..<end { ranks[order[place]] = Double(start + end + 1) }
      start = end
    }
    return ranks
  }

  /// n Σ rᵢ i - Σ rᵢ Σ i, exact.
  private static func covariance(_ ranks: [Double]) -> Double {
    let products = ranks.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element }
    let depths = Double(ranks.count * (ranks.count - 1) / 2)
    return Double(ranks.count) * products - ranks.reduce(0, +) * depths
  }

  /// n Σ xᵢ² - (Σ xᵢ)².
  private static func variance(_ numbers: [Double]) -> Double {
    let sum = numbers.reduce(0, +)
    return Double(numbers.count) * numbers.reduce(0) { $0 + $1 * $1 } - sum * sum
  }

  /// Goes through all orders by exchanging two layers at a time (Heap 1963), which changes Σ rᵢ i by two terms.
  private static func exactPValue(_ ranks: [Double], atLeast bound: Double) -> Double {
    var (ranks, current) = (ranks, covariance(ranks))
    var state = Array(repeating: 0, count: ranks.count)
    var (hits, orders, level) = (1, 1, 1)
    while level < ranks.count {
      guard state[level] < level else {
        state[level] = 0
        level += 1
        continue
      }
      let partner = level % 2 == 0 ? 0 : state[level]
      current +=
        Double(ranks.count) * (ranks[level] - ranks[partner]) * Double(partner - level)
      ranks.swapAt(level, partner)
      orders += 1
      if abs(current) >= bound { hits += 1 }
      state[level] += 1
      level = 1
    }
    return Double(hits) / Double(orders)
  }

  /// Shuffles the layers (Fisher and Yates) as often as it takes.
  private static func randomPValue(_ ranks: [Double], atLeast bound: Double) -> Double {
    let generator = Philox(seed: seed, stream: UInt64(ranks.count))
    var hits = 1
    for permutation in 0..<permutationCount {
      var shuffled = ranks
      for place in stride(from: ranks.count - 1, to: 0, by: -1) {
        let position = UInt64(permutation) << 32 | UInt64(place)
        shuffled.swapAt(place, generator.integer(below: place + 1, at: position))
      }
      if abs(covariance(shuffled)) >= bound { hits += 1 }
    }
    return Double(hits) / Double(permutationCount + 1)
  }
}
