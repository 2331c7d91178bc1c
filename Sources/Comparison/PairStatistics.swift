import Kernels
import RealModule

/// What is shown of the sums of two sides, a and b. Not a number where a value has no meaning.
public struct PairStatistics: Equatable, Sendable {
  /// One side.
  public struct Side: Equatable, Sendable {
    /// Σ|x|.
    public let l1: Double
    /// √Σx².
    public let l2: Double
    /// √(Σx² / count).
    public let rms: Double

    init(_ sums: PairSums.Side, count: Int) {
      l1 = count == 0 ? .nan : sums.l1
      l2 = count == 0 ? .nan : sums.sumSquares.squareRoot()
      rms = count == 0 ? .nan : (sums.sumSquares / Double(count)).squareRoot()
    }
  }

  /// a.
  public let first: Side
  /// b.
  public let second: Side
  /// log10(‖b‖ / ‖a‖), of L2 norms.
  public let logRatio: Double
  /// ‖b - a‖ / ‖a‖, of L2 norms: 0 where both are equal, infinite where only a is zero.
  public let relativeDifference: Double
  /// ⟨a, b⟩ / (‖a‖ ‖b‖).
  public let cosine: Double
  /// max|b - a|.
  public let largestDifference: Double
  /// Elements with the same bits, as a share of all.
  public let unchangedShare: Double

  /// The statistics of merged sums.
  /// - Parameter hasNumbers: false where elements were compared for equality only.
  public init(_ sums: PairSums, hasNumbers: Bool = true) {
    let count = hasNumbers ? sums.count : 0
    first = Side(sums.first, count: count)
    second = Side(sums.second, count: count)
    largestDifference = count == 0 ? .nan : sums.largestDifference
    unchangedShare = sums.count == 0 ? .nan : Double(sums.unchanged) / Double(sums.count)
    guard count > 0 else {
      (logRatio, relativeDifference, cosine) = (.nan, .nan, .nan)
      return
    }
    logRatio = second.l2 == first.l2 && first.l2.isFinite ? 0 : Double.log10(second.l2 / first.l2)
    relativeDifference =
      sums.differenceSquares == 0 ? 0 : (sums.differenceSquares / sums.first.sumSquares).squareRoot()
    // Equal sums give exactly 1, which the product of two roots may miss.
    let norms =
      sums.first.sumSquares == sums.second.sumSquares
      ? sums.first.sumSquares : first.l2 * second.l2
    cosine = norms == 0 ? .nan : max(-1, min(1, sums.product / norms))
  }
}
