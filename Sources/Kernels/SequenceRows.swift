/// One of several sequences among the rows of a pass.
public struct SequenceRows: Equatable, Sendable {
  /// Its own rows.
  public var rows: Range<Int>
  /// Rows of what stands before it and other sequences may begin with too: its positions count on from there, and its queries see them.
  /// Empty where nothing stands before it.
  public var prefix: Range<Int>

  /// Creates the places of a sequence.
  public init(rows: Range<Int>, prefix: Range<Int> = 0..<0) {
    (self.rows, self.prefix) = (rows, prefix)
  }

  /// Positions up to its end.
  public var length: Int { prefix.count + rows.count }

  /// The positions of its own rows.
  public var positions: Range<Int> { prefix.count..<length }

  /// Sequences that lie back to back.
  public static func backToBack(_ lengths: some Sequence<Int>) -> [SequenceRows] {
    var end = 0
    return lengths.map { length in
      defer { end += length }
      return SequenceRows(rows: end..<end + length)
    }
  }
}

/// The position that each row of a pass stands at.
public struct RowPositions: Equatable, Sendable {
  private let positions: [Int]

  /// Takes sequences that fill the rows.
  public init(_ sequences: [SequenceRows]) {
    var positions = Array(repeating: 0, count: sequences.map(\.rows.upperBound).max() ?? 0)
    for sequence in sequences { positions.replaceSubrange(sequence.rows, with: sequence.positions) }
    self.positions = positions
  }

  @inline(__always) subscript(row: Int) -> Int { positions[row] }

  /// Whether so many rows have a position each, below a limit.
  func fit(rows: Int, limit: Int) -> Bool { positions.count == rows && positions.allSatisfy { $0 < limit } }
}
