/// What the size of operations' outputs is told by, beside their ``SumColumns``, at one step.
public struct OutputMoments: Equatable, Sendable {
  /// Elements of each output.
  public var counts: [Int]
  /// Σx⁴ of each.
  public var fourthPowers: [Double]

  /// Creates columns.
  public init(counts: [Int], fourthPowers: [Double]) {
    self.counts = counts
    self.fourthPowers = fourthPowers
  }

  /// Those of `count` operations without an output yet.
  public init(count: Int) {
    self.init(counts: Array(repeating: 0, count: count), fourthPowers: Array(repeating: 0, count: count))
  }

  /// Those of some of the operations.
  public func part(_ range: Range<Int>) -> OutputMoments {
    OutputMoments(counts: Array(counts[range]), fourthPowers: Array(fourthPowers[range]))
  }
}

/// The sums over an operation's output: those of every tensor, and Σx⁴.
public struct OutputSums: Equatable, Sendable {
  /// Those of every tensor.
  public var sums: TensorSums
  /// Σx⁴.
  public var fourthPowers: Double

  /// The sums over no element.
  public static let empty = OutputSums(.empty, fourthPowers: 0)

  /// Creates sums.
  public init(_ sums: TensorSums, fourthPowers: Double) {
    self.sums = sums
    self.fourthPowers = fourthPowers
  }

  /// The sums over two disjoint sets of elements.
  public func merged(with other: OutputSums) -> OutputSums {
    OutputSums(sums.merged(with: other.sums), fourthPowers: fourthPowers + other.fourthPowers)
  }
}
