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
  private let prefixLength: Int

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

  /// Queries that are worked on at a time: scores never exist for more of them.
  static let queryBlock = 64

  /// Scalars of scratch that a thread needs: scores, their gradients, and what a soft cap leaves of these.
  public var scratchCount: Int {
    (softCap == nil ? 2 : 3) * min(Self.queryBlock, sequenceLength) * sequenceLength
  }

  /// The same with the heads that products read, where these are of another type.
  public func scratchCount<Element: FactorScalar>(of _: Element.Type) -> Int {
    scratchCount + Self.headPlaces * Element.scratchCount(sequenceLength * headDim)
  }

  /// Heads that products read at a time: queries, keys, values, and the keys and values of a prefix or the output's gradient.
  static let headPlaces = 5

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

  /// Calls `body` for each block of a sequence's queries with the keys that the block sees, those of a prefix counted first.
  func forEachQueryBlock(_ body: (_ queries: Range<Int>, _ keys: Range<Int>) -> Void) {
    var start = 0
    while start < sequenceLength {
      let end = min(sequenceLength, start + Self.queryBlock)
      body(start..<end, firstKey(start)..<(isCausal ? prefixLength + end : sequenceLength))
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
