import RunData

/// What text to train on and what to validate on.
public struct CorpusRequest: Equatable, Sendable {
  /// The text to train on.
  public enum Text: Equatable, Sendable {
    /// The built-in language, of a vocabulary size and a seed.
    case builtIn(vocabularySize: Int, seed: UInt64)
    /// A file; format and vocabulary size are found out where they are nil.
    case file(path: String, format: TokenFileFormat?, vocabularySize: Int?)
  }

  /// The text that is not trained on.
  public enum Validation: Equatable, Sendable {
    /// None.
    case none
    /// A file of its own, in the training file's vocabulary.
    case file(path: String, format: TokenFileFormat?)
    /// The last part of the training text. For the built-in language, which has no end, the fraction does not matter.
    case lastFraction(Double)
  }

  /// The text to train on.
  public var text: Text
  /// The text to validate on.
  public var validation: Validation

  /// Creates a request.
  public init(text: Text, validation: Validation = .none) {
    self.text = text
    self.validation = validation
  }
}

/// A corpus, opened and cut into training and validation text that share no token.
public struct CorpusSplit: Sendable {
  /// Facts of the training text's whole file, a held-out part included, or of the built-in language.
  public let facts: CorpusFacts
  /// The text to train on.
  public let training: any TokenSource
  /// The held-out text.
  public let validation: (any TokenSource)?
  /// Facts of a held-out text that is a file of its own.
  public let validationFacts: CorpusFacts?
  /// The built-in language's entropies; nil for files.
  public let languageEntropy: LanguageEntropy?

  /// Opens a corpus. A file is read once from start to end.
  ///
  /// - Throws: where text or validation text cannot be used, where they are the same file, and where a held-out fraction
  ///   leaves one side empty.
  public init(_ request: CorpusRequest) throws(CorpusError) {
    let whole: any TokenSource
    switch request.text {
    case .builtIn(let vocabularySize, let seed):
      let language = try SyntheticLanguage(vocabularySize: vocabularySize, seed: seed)
      (whole, facts) = (language, try language.facts())
      languageEntropy = language.entropy()
    case .file(let path, let format, let vocabularySize):
      let file = try TokenFile(path: path, format: format, vocabularySize: vocabularySize)
      (whole, facts) = (file, file.facts)
      languageEntropy = nil
    }
    switch request.validation {
    case .none:
      (training, validation, validationFacts) = (whole, nil, nil)
    case .file(let path, let format):
      let file = try Self.validationFile(path, format, facts)
      (training, validation, validationFacts) = (whole, file, file.facts)
    case .lastFraction(let fraction):
      (training, validation) = try Self.divided(whole, fraction, isEndless: facts.tokenCount == nil)
      validationFacts = nil
    }
  }

  private static func validationFile(
    _ path: String, _ format: TokenFileFormat?, _ facts: CorpusFacts
  ) throws(CorpusError) -> TokenFile {
    let file = try TokenFile(path: path, format: format, vocabularySize: facts.vocabularySize)
    guard file.facts.sha256 != facts.sha256 else {
      throw CorpusError(
        corpus: path, problem: "has the same bytes as the training text",
        advice: "Give another file, or hold out a part of the training text")
    }
    return file
  }

  private static func divided(
    _ whole: any TokenSource, _ fraction: Double, isEndless: Bool
  ) throws(CorpusError) -> (training: TokenSlice, validation: TokenSlice) {
    guard fraction > 0, fraction < 1 else {
      throw CorpusError(
        corpus: whole.name, problem: "a held-out fraction of \(fraction) is not between 0 and 1")
    }
    let count = whole.tokenCount
    let heldOut = isEndless ? count / 2 : Int((Double(count) * fraction).rounded())
    guard heldOut > 0, heldOut < count else {
      throw CorpusError(
        corpus: whole.name,
        problem: "a held-out fraction of \(fraction) of \(count) tokens leaves one side empty")
    }
    let boundary = count - heldOut
    return (
      TokenSlice(whole, range: 0..<boundary, name: "\(whole.name), training part"),
      TokenSlice(whole, range: boundary..<count, name: "\(whole.name), held-out part")
    )
  }
}
