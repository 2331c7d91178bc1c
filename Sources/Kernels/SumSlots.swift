import RunData

/// Sums that several threads or tasks leave, each in a place of its own, and that are then merged in the order of the places:
/// who did what when makes no difference.
public final class SumSlots: Sendable {
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

  /// The sums over all places.
  public var merged: TensorSums {
    (0..<count).reduce(.empty) { $0.merged(with: self[$1]) }
  }

  /// The sums over all places, of operations that leave Σx⁴ too.
  public var mergedOutputs: OutputSums {
    (0..<count).reduce(.empty) { result, slot in
      result.merged(with: OutputSums(self[slot], fourthPowers: memory.row[slot * Self.fields + Self.fourths]))
    }
  }

  /// Stores the sums of a part of an operation's output.
  func set(_ sums: OutputSums, at slot: Int) {
    self[slot] = sums.sums
    memory.row[slot * Self.fields + Self.fourths] = sums.fourthPowers
  }

  /// Where a place keeps Σx⁴.
  private static let fourths = 6

  /// Empties every place.
  func clear() { memory.row.fill(0) }

  /// The sums in one place.
  subscript(slot: Int) -> TensorSums {
    get {
      let row = memory.row(slot * Self.fields..<(slot + 1) * Self.fields)
      return TensorSums(
        count: Int(row[5]), l1: row[0], sumSquares: row[1], maxAbs: row[2], zeros: Int(row[3]),
        nonfinite: Int(row[4]))
    }
    set {
      let row = memory.row(slot * Self.fields..<(slot + 1) * Self.fields)
      row[0] = newValue.l1
      row[1] = newValue.sumSquares
      row[2] = newValue.maxAbs
      row[3] = Double(newValue.zeros)
      row[4] = Double(newValue.nonfinite)
      row[5] = Double(newValue.count)
    }
  }
}
