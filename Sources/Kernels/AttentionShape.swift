/// The shape of one attention.
public struct AttentionShape: Equatable, Sendable {
  /// Sequences in a batch.
  public let batchSize: Int
  /// Positions of each sequence.
  public let sequenceLength: Int
  /// Heads of queries.
  public let headCount: Int
  /// Heads of keys and values: each serves `headCount / keyValueHeadCount` heads of queries that stand side by side
  /// (grouped queries, Ainslie et al. 2023).
  public let keyValueHeadCount: Int
  /// Width of a head.
  public let headDim: Int
  /// Whether a position sees only itself and earlier ones.
  public let isCausal: Bool
  /// Positions that a position sees, itself the last of them; nil where it sees all earlier ones.
  public let window: Int?
  /// What `Q Kᵀ` is multiplied by: 1/√headDim unless stated.
  public let scoreScale: Double
  /// c of `c tanh(logit / c)`, which logits pass through before softmax (Gemma 2); nil where they do not.
  public let softCap: Double?
  /// Rows of each sequence where their lengths differ, none longer than `sequenceLength`. Nil where sequence i has the rows from
  /// `i * sequenceLength` on.
  public let sequences: [SequenceRows]?
  /// Keys before the first query's own.
  fileprivate let prefixLength: Int

  /// Creates a shape.
  ///
  /// - Precondition: `keyValueHeadCount` divides `headCount`; a window is one of causal attention, as a sequence's prefix is; there are as many
  ///   `sequences` as the batch has.
  public init(
    batchSize: Int, sequenceLength: Int, headCount: Int, keyValueHeadCount: Int? = nil, headDim: Int,
    isCausal: Bool, window: Int? = nil, scoreScale: Double? = nil, softCap: Double? = nil,
    sequences: [SequenceRows]? = nil
  ) {
    precondition(
      sequences.map { $0.count == batchSize && $0.allSatisfy { $0.length <= sequenceLength } } ?? true,
      "\(sequences?.count ?? 0) sequences of a batch of \(batchSize)")
    precondition(
      isCausal || sequences?.allSatisfy(\.prefix.isEmpty) ?? true,
      "a prefix that would not see what follows it")
    self.init(
      batchSize: batchSize, sequenceLength: sequenceLength, headCount: headCount,
      keyValueHeadCount: keyValueHeadCount, headDim: headDim, isCausal: isCausal, window: window,
      scoreScale: scoreScale, softCap: softCap, sequences: sequences, prefixLength: 0)
  }

  private init(
    batchSize: Int, sequenceLength: Int, headCount: Int, keyValueHeadCount: Int?, headDim: Int,
    isCausal: Bool, window: Int?, scoreScale: Double?, softCap: Double?, sequences: [SequenceRows]?,
    prefixLength: Int
  ) {
    let keyValueHeadCount = keyValueHeadCount ?? headCount
    precondition(
      headCount.isMultiple(of: keyValueHeadCount), "\(headCount) heads on \(keyValueHeadCount) of keys")
    precondition(window.map { isCausal && $0 > 0 } ?? true, "a window of \(window ?? 0) positions")
    self.batchSize = batchSize
    self.sequenceLength = sequenceLength
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headDim = headDim
    self.isCausal = isCausal
    self.window = window
    self.scoreScale = scoreScale ?? 1 / Double(headDim).squareRoot()
    self.softCap = softCap
    self.sequences = sequences
    self.prefixLength = prefixLength
  }

  /// The rows of a sequence.
  func rows(batch: Int) -> Range<Int> {
    sequences?[batch].rows ?? batch * sequenceLength..<(batch + 1) * sequenceLength
  }

  /// The rows of what stands before a sequence.
  func prefix(batch: Int) -> Range<Int> { sequences?[batch].prefix ?? 0..<0 }

  /// Whether nothing stands before any sequence.
  var hasNoPrefix: Bool { sequences?.allSatisfy(\.prefix.isEmpty) ?? true }

  /// The shape of one sequence alone.
  func sequence(_ batch: Int) -> AttentionShape {
    AttentionShape(
      batchSize: 1, sequenceLength: rows(batch: batch).count, headCount: headCount,
      keyValueHeadCount: keyValueHeadCount, headDim: headDim, isCausal: isCausal, window: window,
      scoreScale: scoreScale, softCap: softCap, sequences: nil, prefixLength: prefix(batch: batch).count)
  }

  /// Queries that are worked on at a time, whole tiles of products: scores never exist for more of them.
  static let queryBlock = 48

  /// Scalars of scratch that a thread needs: scores, their gradients, what a soft cap leaves of these, and heads as products of some
  /// factors read them.
  public func scratchCount<Element: FactorScalar>(of _: Element.Type) -> Int {
    scoreScratchCount + Self.headPlaces * Element.Head.scratchCount(rows: sequenceLength, width: headDim)
  }

  /// Of these, for scores and what goes with them.
  var scoreScratchCount: Int {
    (softCap == nil ? 2 : 3) * min(Self.queryBlock, sequenceLength) * QueryBlock.stride(of: sequenceLength)
  }

  /// Heads that products read at a time: queries, keys, values, and the output's gradient.
  static let headPlaces = 4

  /// Heads of queries that share a head of keys and values.
  var groupSize: Int { headCount / keyValueHeadCount }

  /// The head's part of rows that hold all heads side by side.
  func part<Scalar>(_ matrix: Matrix<Scalar>, batch: Int, head: Int) -> Matrix<Scalar> {
    part(matrix, rows: rows(batch: batch), head: head)
  }

  /// The same of some rows.
  func part<Scalar>(_ matrix: Matrix<Scalar>, rows: Range<Int>, head: Int) -> Matrix<Scalar> {
    matrix.rows(rows).columns(head * headDim..<(head + 1) * headDim)
  }

  /// Calls `body` for each block of a sequence's queries.
  func forEachQueryBlock(_ body: (QueryBlock) -> Void) {
    var start = 0
    while start < sequenceLength {
      let end = min(sequenceLength, start + Self.queryBlock)
      body(QueryBlock(sequence: self, queries: start..<end))
      start = end
    }
  }

  /// The keys that a query sees.
  func visibleKeys(_ query: Int) -> Range<Int> {
    firstKey(query)..<(isCausal ? prefixLength + query + 1 : sequenceLength)
  }

  private func firstKey(_ query: Int) -> Int { window.map { max(0, prefixLength + query - $0 + 1) } ?? 0 }
}

extension AttentionShape {
  /// Where a query's row of probabilities begins among all: what dropout masks go by.
  func firstElement(_ task: Int, _ query: Int) -> Int {
    (task * sequenceLength + query) * sequenceLength + visibleKeys(query).lowerBound
  }
}

/// Queries that are worked on at a time, and the keys that they see, those of a prefix counted first.
public struct QueryBlock: Sendable {
  let queries: Range<Int>
  /// From the last multiple of ``alignment`` on, so that rows of scores begin with whole vectors.
  let keys: Range<Int>
  private let sequence: AttentionShape

  private static let alignment = 16

  fileprivate init(sequence: AttentionShape, queries: Range<Int>) {
    (self.sequence, self.queries) = (sequence, queries)
    let first = sequence.visibleKeys(queries.lowerBound).lowerBound
    keys = first / Self.alignment * Self.alignment..<sequence.visibleKeys(queries.upperBound - 1).upperBound
  }

  /// Columns of the block's scores: whole vectors.
  var scoreWidth: Int { Self.wholeVectors(keys.count) }

  /// From one row of scores to the next.
  var scoreStride: Int { Self.stride(of: keys.count) }

  private static func wholeVectors(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }

  /// An odd number of cache lines: rows that lie a power of two apart fall into the same few places of a cache.
  static func stride(of count: Int) -> Int { (wholeVectors(count) / alignment | 1) * alignment }

  /// The columns that one of the block's rows sees.
  @inline(__always)
  func columns(seenBy row: Int) -> Range<Int> {
    let visible = sequence.visibleKeys(queries.lowerBound + row)
    return visible.lowerBound - keys.lowerBound..<visible.upperBound - keys.lowerBound
  }

  /// The columns that any of these rows sees.
  @inline(__always)
  func columns(seenBy rows: Range<Int>) -> Range<Int> {
    columns(seenBy: rows.lowerBound).lowerBound..<columns(seenBy: rows.upperBound - 1).upperBound
  }

  /// The rows that see any of these columns.
  @inline(__always)
  func rows(seeing columns: Range<Int>) -> Range<Int> {
    guard sequence.isCausal else { return 0..<queries.count }
    let firstQuery = keys.lowerBound - sequence.prefixLength - queries.lowerBound
    let lower = min(queries.count, max(0, firstQuery + columns.lowerBound))
    let upper = sequence.window.map { min(queries.count, firstQuery + columns.upperBound - 1 + $0) }
    return lower..<max(lower, upper ?? queries.count)
  }
}
