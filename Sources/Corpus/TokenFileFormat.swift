import FileAccess

/// How tokens lie in a file.
public enum TokenFileFormat: String, Sendable, CaseIterable {
  /// UTF-8 text, one token a byte.
  case text
  /// nanoGPT's `.bin`: little-endian uint16 and nothing else.
  case nanogpt
  /// llm.c's `.bin`: 256 int32 of header, then uint16 or uint32.
  case llmc = "llm.c"
}

/// Where the tokens of one file start and how wide they are.
struct TokenFileLayout: Equatable {
  var format: TokenFileFormat
  var headerByteCount: Int
  var bytesPerToken: Int
  var tokenCount: Int

  private static let headerWords = 256

  /// llm.c's magics: GPT-2 tokens; Llama 3 tokens; and the later magic that states its own token width.
  private static func header(_ magic: Int32, _ width: Int32) -> (version: Int32, bytesPerToken: Int?)? {
    switch magic {
    case 20_240_520: (1, 2)
    case 20_240_801: (7, 4)
    case 278_895_051: (1, [2, 4].contains(width) ? Int(width) : nil)
    default: nil
    }
  }

  /// Finds the layout of a file: llm.c's by its magic, nanoGPT's by the name's end `.bin`, text otherwise.
  init(of file: RandomAccessFile, format requested: TokenFileFormat?) throws(CorpusError) {
    guard file.byteCount > 0 else { throw CorpusError(corpus: file.path, problem: "is empty") }
    // No UTF-8 text can start with one of the magics, so text is never taken for llm.c.
    let magic = file.byteCount < 4 ? 0 : try Self.words(file, count: 1)[0]
    let found: TokenFileFormat =
      Self.header(magic, 2) != nil ? .llmc : file.path.hasSuffix(".bin") ? .nanogpt : .text
    switch requested ?? found {
    case .text: self.init(format: .text, headerByteCount: 0, bytesPerToken: 1, tokenCount: file.byteCount)
    case .nanogpt: try self.init(nanoGPT: file)
    case .llmc: try self.init(llmc: file)
    }
  }

  private init(format: TokenFileFormat, headerByteCount: Int, bytesPerToken: Int, tokenCount: Int) {
    self.format = format
    self.headerByteCount = headerByteCount
    self.bytesPerToken = bytesPerToken
    self.tokenCount = tokenCount
  }

  private init(nanoGPT file: RandomAccessFile) throws(CorpusError) {
    guard file.byteCount.isMultiple(of: 2) else {
      throw CorpusError(
        corpus: file.path,
        problem: "has \(file.byteCount) bytes, an odd number, so it cannot hold 16-bit tokens",
        advice: "It is cut off, or not a nanoGPT .bin file")
    }
    self.init(format: .nanogpt, headerByteCount: 0, bytesPerToken: 2, tokenCount: file.byteCount / 2)
  }

  private init(llmc file: RandomAccessFile) throws(CorpusError) {
    let headerByteCount = 4 * Self.headerWords
    guard file.byteCount >= headerByteCount else {
      throw CorpusError(
        corpus: file.path,
        problem: "has \(file.byteCount) bytes; the header of an llm.c .bin file alone has \(headerByteCount)",
        advice: "It is cut off, or not an llm.c file")
    }
    let words = try Self.words(file, count: 4)
    guard let known = Self.header(words[0], words[3]) else {
      throw CorpusError(
        corpus: file.path,
        problem: "starts with \(words[0]), not with one of llm.c's magics 20240520, 20240801 and 278895051")
    }
    guard words[1] == known.version else {
      throw CorpusError(
        corpus: file.path,
        problem: "has llm.c format version \(words[1]); with magic \(words[0]), "
          + "version \(known.version) is known")
    }
    guard let bytesPerToken = known.bytesPerToken else {
      throw CorpusError(
        corpus: file.path, problem: "states \(words[3]) bytes a token in its header; known are 2 and 4")
    }
    let tokenCount = Int(words[2])
    let present = file.byteCount - headerByteCount
    guard tokenCount >= 0, present == tokenCount * bytesPerToken else {
      throw CorpusError(
        corpus: file.path,
        problem: "states \(tokenCount) tokens of \(bytesPerToken) bytes in its header, "
          + "but \(present) bytes follow",
        advice: "It is cut off or damaged")
    }
    guard tokenCount > 0 else { throw CorpusError(corpus: file.path, problem: "holds no tokens") }
    self.init(
      format: .llmc, headerByteCount: headerByteCount, bytesPerToken: bytesPerToken, tokenCount: tokenCount)
  }

  private static func words(_ file: RandomAccessFile, count: Int) throws(CorpusError) -> [Int32] {
    try reading { () throws(FileAccessError) in
      var words = [Int32](repeating: 0, count: count)
      try file.read(into: &words, range: 0..<count, at: 0)
      return words
    }
  }
}
