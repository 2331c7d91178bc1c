/// What attention multiplies with a head's queries, keys, values, or the gradient of its output: how the products of one type of
/// factors read these rows.
public protocol HeadFactor<Element> {
  /// What the factors are made of.
  associatedtype Element: FactorScalar
  typealias Sum = Element.Sum

  /// Takes a head's rows, those of a prefix first, into scratch memory of ``scratchCount(rows:width:)`` scalars.
  init(prefix: Matrix<Sum>?, rows: Matrix<Sum>, uses: HeadUses, scratch: Row<Sum>)

  /// `scores = alpha * queries * rowsᵀ` for the block's queries, a matrix of their own, and its keys, these rows. Scores that no
  /// query of a tile sees are left as they are.
  func scores(of queries: Self, alpha: Sum, into scores: Matrix<Sum>, block: QueryBlock)

  /// `output = alpha * weights * rows`, these rows the block's keys.
  func weightedSum(_ weights: Matrix<Element>, alpha: Sum, into output: Matrix<Sum>, block: QueryBlock)

  /// `output += alpha * weightsᵀ * rows`, these rows the block's queries.
  func addToKeys(_ weights: Matrix<Element>, alpha: Sum, into output: Matrix<Sum>, block: QueryBlock)

  /// Scalars of scratch memory that a head takes, whatever its uses.
  static func scratchCount(rows: Int, width: Int) -> Int
}

/// What a head's rows are multiplied with.
public struct HeadUses: OptionSet, Sendable {
  /// The uses, a bit each.
  public let rawValue: Int

  /// Takes bits.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Queries, or the output's gradient: as a left factor, and as the right one of what is added to keys.
  static let queries = HeadUses(rawValue: 1)
  /// Keys or values in ``HeadFactor/scores(of:alpha:into:block:)``.
  static let scores = HeadUses(rawValue: 2)
  /// Keys or values in ``HeadFactor/weightedSum(_:alpha:into:block:)``.
  static let sums = HeadUses(rawValue: 4)
}

/// Rows in panels, multiplied here.
public struct PackedHead<Element: KernelScalar>: HeadFactor {
  private let rows: Matrix<Element>
  private let scratch: Row<Element>
  private let asColumns: Panels<Element>?
  private let asRows: Panels<Element>?

  /// Copies the rows for their uses.
  public init(prefix: Matrix<Element>?, rows: Matrix<Element>, uses: HeadUses, scratch: Row<Element>) {
    let parts = prefix.map { [$0, rows] } ?? [rows]
    self.rows = rows
    self.scratch = scratch
    let half = scratch.count / 2
    asColumns =
      uses.contains(.scores) ? Panels(transposed: parts, scratch: scratch.slice(0..<half)) : nil
    asRows = uses.contains(.sums) ? Panels(parts, scratch: scratch.slice(half..<scratch.count)) : nil
  }

  /// For rows as rows and as columns.
  public static func scratchCount(rows: Int, width: Int) -> Int {
    2
      * max(
        Panels<Element>.scratchCount(rows: rows, width: width),
        Panels<Element>.scratchCount(rows: width, width: rows))
  }

  /// By the tiles that see any of their keys.
  public func scores(of queries: Self, alpha: Element, into scores: Matrix<Element>, block: QueryBlock) {
    guard let asColumns else { preconditionFailure("a head that is not there for scores") }
    // Rows of scores are whole vectors of every type, panels those of one.
    let width = min(scores.width, asColumns.paddedWidth - block.keys.lowerBound)
    product(
      LeftFactor(queries.rows.rows(block.queries)), asColumns, firstPanelColumn: block.keys.lowerBound,
      alpha: alpha, into: scores.columns(0..<width), columns: block.columns(seenBy:),
      steps: { _ in 0..<asColumns.rows })
  }

  /// Over the keys that a tile sees.
  public func weightedSum(
    _ weights: Matrix<Element>, alpha: Element, into output: Matrix<Element>, block: QueryBlock
  ) {
    guard let asRows else { preconditionFailure("a head that is not there for sums") }
    product(
      LeftFactor(weights), asRows, firstPanelRow: block.keys.lowerBound, alpha: alpha, into: output,
      columns: { _ in 0..<output.width }, steps: block.columns(seenBy:))
  }

  /// Over the queries that see any of a tile's keys.
  public func addToKeys(
    _ weights: Matrix<Element>, alpha: Element, into output: Matrix<Element>, block: QueryBlock
  ) {
    let panels = Panels([rows.rows(block.queries)], scratch: scratch)
    product(
      LeftFactor(weights.columns(0..<block.keys.count), isTransposed: true), panels, alpha: alpha,
      accumulating: true, into: output,
      columns: { _ in 0..<output.width }, steps: block.rows(seeing:))
  }
}

/// Rows narrowed to bfloat16, multiplied by a library as a whole: what a query does not see has a weight of 0.
public struct NarrowHead: HeadFactor {
  private let rows: Matrix<BFloat16>

  /// Narrows the rows.
  public init(prefix: Matrix<Float>?, rows: Matrix<Float>, uses _: HeadUses, scratch: Row<Float>) {
    let parts = prefix.map { [$0, rows] } ?? [rows]
    let count = parts.map(\.rows).reduce(0, +)
    precondition(scratch.count >= Self.scratchCount(rows: count, width: rows.width))
    self.rows = unsafe Matrix<BFloat16>(
      base: UnsafeMutableRawPointer(scratch.base).assumingMemoryBound(to: BFloat16.self), rows: count,
      width: rows.width, stride: rows.width)
    var first = 0
    for part in parts {
      for row in 0..<part.rows { narrow(part[row], into: self.rows[first + row]) }
      first += part.rows
    }
  }

  /// Half as many, whole vectors.
  public static func scratchCount(rows: Int, width: Int) -> Int { (rows * width + 31) / 32 * 16 }

  /// Of all of the block.
  public func scores(of queries: Self, alpha: Float, into scores: Matrix<Float>, block: QueryBlock) {
    product(
      queries.rows.rows(block.queries).factor, rows.rows(block.keys).transposed, alpha: alpha,
      into: scores.columns(0..<block.keys.count))
  }

  /// Over all of the block.
  public func weightedSum(
    _ weights: Matrix<BFloat16>, alpha: Float, into output: Matrix<Float>, block: QueryBlock
  ) {
    product(
      weights.columns(0..<block.keys.count).factor, rows.rows(block.keys).factor, alpha: alpha, into: output)
  }

  /// Over all of the block.
  public func addToKeys(
    _ weights: Matrix<BFloat16>, alpha: Float, into output: Matrix<Float>, block: QueryBlock
  ) {
    product(
      weights.columns(0..<block.keys.count).transposed, rows.rows(block.queries).factor, alpha: alpha,
      beta: 1,
      into: output)
  }
}
