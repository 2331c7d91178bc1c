/// A text to evaluate models on: its tokens, where its documents lie, and how many words and bytes they have.
public struct HeldOutText: Equatable, Sendable {
  /// A stretch of the text.
  public struct Document: Equatable, Sendable {
    /// Its tokens.
    public var range: Range<Int>
    /// Its words, counted as WikiText does: what stands between white space, and one end a line. Nil where that is not known.
    public var words: Double?
    /// Its bytes in UTF-8; nil where that is not known.
    public var bytes: Double?
  }

  /// What it is called.
  public let name: String
  /// Its tokens.
  public let tokens: [Int32]
  /// Its documents, which make it up in order.
  public let documents: [Document]

  init(name: String, tokens: [Int32], documents: [Document]) {
    precondition(documents.first?.range.lowerBound == 0 && documents.last?.range.upperBound == tokens.count)
    self.name = name
    self.tokens = tokens
    self.documents = documents
  }

  /// Words and bytes of the whole; nil where they are not known.
  func total(_ unit: LossUnit) -> Double? {
    documents.reduce(Double?(0)) { sum, document in
      guard let sum, let count = unit.count(of: document) else { return nil }
      return sum + count
    }
  }

  /// Fewer documents than this say little of how much others would differ.
  static let fewestDocuments = 10
  private static let mostStretches = 1000
  private static let shortestStretch = 16

  /// What intervals go over: the documents, or where there are few, stretches of equally many tokens.
  func samples() -> (samples: [Document], areDocuments: Bool) {
    guard documents.count < Self.fewestDocuments else { return (documents, true) }
    let count = max(1, min(Self.mostStretches, tokens.count / Self.shortestStretch))
    var stretches: [Document] = []
    for document in documents {
      // A document's words and bytes are shared out by its tokens.
      let parts = max(1, count * document.range.count / tokens.count)
      for part in 0..<parts {
        let start = document.range.lowerBound + document.range.count * part / parts
        let end = document.range.lowerBound + document.range.count * (part + 1) / parts
        let share = Double(end - start) / Double(document.range.count)
        stretches.append(
          Document(
            range: start..<end, words: document.words.map { $0 * share },
            bytes: document.bytes.map { $0 * share }))
      }
    }
    return (stretches, false)
  }
}

/// What a loss is divided by.
enum LossUnit: String, CaseIterable {
  case token, word, byte

  func count(of document: HeldOutText.Document) -> Double? {
    switch self {
    case .token: Double(document.range.count)
    case .word: document.words
    case .byte: document.bytes
    }
  }
}
