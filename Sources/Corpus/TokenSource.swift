/// Tokens that can be read at any position.
///
/// A value of this kind may be read from several threads at once. Reading the same range gives the same tokens always,
/// or an error.
public protocol TokenSource: Sendable {
  /// A short name for tables and files.
  var name: String { get }
  /// Every token id is at least 0 and below this.
  var vocabularySize: Int { get }
  /// Number of tokens.
  var tokenCount: Int { get }

  /// Writes the tokens from `position` on into `tokens[range]`.
  ///
  /// - Precondition: `range` lies inside `tokens`, and as many tokens follow `position`.
  /// - Throws: where the tokens cannot be read, or are not below ``vocabularySize``.
  func read(into tokens: inout [Int32], range: Range<Int>, at position: Int) throws(CorpusError)
}

extension TokenSource {
  /// The tokens of a range.
  public func tokens(in range: Range<Int>) throws(CorpusError) -> [Int32] {
    var tokens = [Int32](repeating: 0, count: range.count)
    try read(into: &tokens, range: 0..<range.count, at: range.lowerBound)
    return tokens
  }

  func checkRead(_ tokens: [Int32], _ range: Range<Int>, _ position: Int) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= tokens.count,
      "range \(range) outside a buffer of \(tokens.count) tokens")
    precondition(
      position >= 0 && position <= tokenCount && range.count <= tokenCount - position,
      "\(range.count) tokens at \(position) of \(tokenCount)")
  }
}

/// A contiguous part of another source.
public struct TokenSlice: TokenSource {
  private let base: any TokenSource
  private let range: Range<Int>

  /// What the part is called.
  public let name: String

  /// Creates the part of `base` with the positions `range`.
  /// - Precondition: `range` lies inside `base`.
  public init(_ base: any TokenSource, range: Range<Int>, name: String) {
    precondition(range.lowerBound >= 0 && range.upperBound <= base.tokenCount)
    self.base = base
    self.range = range
    self.name = name
  }

  /// The base's vocabulary.
  public var vocabularySize: Int { base.vocabularySize }
  /// Tokens in the part.
  public var tokenCount: Int { range.count }

  /// Reads from the base; positions count from the part's first token.
  public func read(
    into tokens: inout [Int32], range target: Range<Int>, at position: Int
  ) throws(CorpusError) {
    checkRead(tokens, target, position)
    try base.read(into: &tokens, range: target, at: range.lowerBound + position)
  }
}
