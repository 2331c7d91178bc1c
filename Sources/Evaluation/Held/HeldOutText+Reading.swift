import Corpus
import FileAccess

extension HeldOutText {
  /// The most tokens that are held in memory at once.
  private static let mostTokens = 1 << 28

  /// Reads a text file as bytes, one token each.
  ///
  /// - Throws: ``CorpusError`` where the file is no text, ``EvaluationError`` where it is too long or too short.
  public init(textFile path: String, documents rule: DocumentRule) throws {
    let file = try TokenFile(path: path, format: .text)
    let tokens = try Self.tokens(of: file, in: 0..<file.tokenCount)
    let bytes = tokens.map { UInt8(truncatingIfNeeded: $0) }
    let starts = rule.starts(in: bytes) + [bytes.count]
    let documents = zip(starts, starts.dropFirst()).map { start, end in
      Document(
        range: start..<end, words: Double(wikiTextWords(in: bytes[start..<end])), bytes: Double(end - start))
    }
    self.init(name: file.name, tokens: tokens, documents: documents)
  }

  /// Reads a token file of nanoGPT's or llm.c's kind.
  ///
  /// - Parameters:
  ///   - original: the text that the tokens were made of, whose words and bytes are counted; nil where there is none.
  ///   - separator: the token that ends a document; nil where all is one.
  public init(tokenFile path: String, original: String?, separator: Int32?) throws {
    let file = try TokenFile(path: path)
    let tokens = try Self.tokens(of: file, in: 0..<file.tokenCount)
    var ends = separator.map { mark in tokens.indices.filter { tokens[$0] == mark }.map { $0 + 1 } } ?? []
    if ends.last != tokens.count { ends.append(tokens.count) }
    let counts = try original.map(Self.counts)
    let documents = zip([0] + ends, ends).map { start, end in
      let share = Double(end - start) / Double(tokens.count)
      return Document(
        range: start..<end, words: counts.map { $0.words * share }, bytes: counts.map { $0.bytes * share })
    }
    self.init(name: file.name, tokens: tokens, documents: documents)
  }

  /// Takes tokens from a source that is no file, such as the built-in language.
  public init(_ source: any TokenSource, range: Range<Int>) throws {
    let tokens = try Self.tokens(of: source, in: range)
    self.init(
      name: source.name, tokens: tokens,
      documents: [Document(range: tokens.indices, words: nil, bytes: nil)])
  }

  private static func tokens(of source: any TokenSource, in range: Range<Int>) throws -> [Int32] {
    guard range.count <= mostTokens else {
      throw EvaluationError(
        source.name, "has \(range.count) tokens; at most \(mostTokens) can be evaluated at once",
        advice: "Give a part of it")
    }
    guard range.count > 1 else {
      throw EvaluationError(source.name, "has one token, and nothing that follows it")
    }
    return try source.tokens(in: range)
  }

  /// Words and bytes of a text.
  private static func counts(ofFileAt path: String) throws -> (words: Double, bytes: Double) {
    let file = try TokenFile(path: path, format: .text)
    let bytes = try tokens(of: file, in: 0..<file.tokenCount).map { UInt8(truncatingIfNeeded: $0) }
    return (Double(wikiTextWords(in: bytes[...])), Double(bytes.count))
  }
}
