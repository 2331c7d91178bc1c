import RealModule
import RunData

/// What heads of attention leave of their probabilities, each head of each sequence in a place of its own.
public final class AttentionSlots: Sendable {
  /// Number of places.
  public let count: Int
  private let memory: Buffer<Double>

  /// Doubles of a place; a cache line.
  private static let fields = 8

  /// Makes places, all empty.
  public init(count: Int) {
    self.count = count
    memory = Buffer(count: count * Self.fields)
  }

  /// The sums in one place.
  public internal(set) subscript(slot: Int) -> AttentionSums {
    get {
      let row = memory.row(slot * Self.fields..<(slot + 1) * Self.fields)
      return AttentionSums(
        queries: Int(row[0]), entropy: row[1], firstQueries: Int(row[2]), firstShare: row[3], maxLogit: row[4]
      )
    }
    set {
      let row = memory.row(slot * Self.fields..<(slot + 1) * Self.fields)
      row[0] = Double(newValue.queries)
      row[1] = newValue.entropy
      row[2] = Double(newValue.firstQueries)
      row[3] = newValue.firstShare
      row[4] = newValue.maxLogit
    }
  }
}

/// What a query's logits tell before they become probabilities.
struct LogitMoments {
  /// Σ exp(logit - maximum) (logit - maximum).
  let weighted: Double
  let maximum: Double

  /// - Parameters:
  ///   - logits: those of the keys that the query sees, capped.
  ///   - maximum: their largest.
  @inline(__always)
  init<Scalar: KernelScalar>(_ logits: Row<Scalar>, maximum: Scalar) {
    var sum = SIMD8<Double>()
    forEachLanes(of: Scalar.self, in: 0..<logits.count) { index, count in
      // Padding lanes hold -maximum: they are no keys.
      let distance = Scalar.keeping(logits.lanes(index, count) - maximum, first: count, else: 0)
      let (low, high) = Scalar.widened(Scalar.exp(distance) * distance)
      sum += low
      sum += high
    }
    weighted = sum.sum()
    self.maximum = Double(maximum)
  }

  /// -Σ p ln p of the probabilities `exp(logit - maximum) / sum`.
  func entropy(sum: Double) -> Double { Double.log(sum) - weighted / sum }
}
