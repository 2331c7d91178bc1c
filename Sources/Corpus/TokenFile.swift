import FileAccess
import RunData

/// The tokens of a file, read in windows as they are asked for.
///
/// Nothing of the file stays in memory and nothing is mapped, so its size does not matter. A file that is written to
/// while it is in use gives an error at the next read.
public struct TokenFile: TokenSource {
  /// How the tokens lie in the file.
  public var format: TokenFileFormat { layout.format }
  /// The file's name without its folders.
  public let name: String
  /// Given by the user, or 256 for text, or the largest id in the file plus 1.
  public let vocabularySize: Int
  /// Size, digest and entropy of the whole file.
  public let facts: CorpusFacts

  private let file: RandomAccessFile
  private let layout: TokenFileLayout

  /// Vocabularies above this are taken for a misread file.
  public static let maximumVocabularySize = 1 << 22

  /// Opens a file and reads it once from start to end.
  ///
  /// - Parameters:
  ///   - format: how the tokens lie in the file; nil finds out from its first bytes and its name.
  ///   - vocabularySize: nil for 256 with text, and the largest id plus 1 with token files.
  /// - Throws: where the file cannot be read, is not what its format demands, or has a token id that is not below
  ///   `vocabularySize`.
  public init(
    path: String, format: TokenFileFormat? = nil, vocabularySize: Int? = nil
  ) throws(CorpusError) {
    file = try reading { () throws(FileAccessError) in try RandomAccessFile(path: path) }
    layout = try TokenFileLayout(of: file, format: format)
    name = String(path.split(separator: "/").last ?? Substring(path))
    let scan = try CorpusScan(
      of: file, layout: layout, vocabularySize: vocabularySize ?? (layout.format == .text ? 256 : nil))
    self.vocabularySize = scan.vocabularySize
    facts = CorpusFacts(
      name: name, sha256: scan.sha256, tokenCount: layout.tokenCount, vocabularySize: scan.vocabularySize,
      unigramEntropy: scan.unigramEntropy, entropyRate: nil)
  }

  /// How the tokens lie in a file, by its first bytes and its name.
  public static func format(ofFileAt path: String) throws(CorpusError) -> TokenFileFormat {
    let file = try reading { () throws(FileAccessError) in try RandomAccessFile(path: path) }
    return try TokenFileLayout(of: file, format: nil).format
  }

  /// The number of tokens in the file.
  public var tokenCount: Int { layout.tokenCount }

  /// Reads from the file.
  public func read(into tokens: inout [Int32], range: Range<Int>, at position: Int) throws(CorpusError) {
    checkRead(tokens, range, position)
    switch layout.bytesPerToken {
    case 1: try read(as: UInt8.self, into: &tokens, range: range, at: position)
    case 2: try read(as: UInt16.self, into: &tokens, range: range, at: position)
    default: try read(as: UInt32.self, into: &tokens, range: range, at: position)
    }
  }

  private func read<Stored: UnsignedInteger & FixedWidthInteger & BitwiseCopyable>(
    as type: Stored.Type, into tokens: inout [Int32], range: Range<Int>, at position: Int
  ) throws(CorpusError) {
    var window = [Stored](repeating: 0, count: min(range.count, 1 << 16))
    var done = 0
    while done < range.count {
      let count = min(window.count, range.count - done)
      let offset = layout.headerByteCount + (position + done) * layout.bytesPerToken
      try reading { () throws(FileAccessError) in
        try file.read(into: &window, range: 0..<count, at: offset)
      }
      for index in 0..<count {
        let id = Int(window[index])
        guard id < vocabularySize else {
          throw .tokenBeyondVocabulary(file.path, id, position + done + index, vocabularySize)
        }
        tokens[range.lowerBound + done + index] = Int32(id)
      }
      done += count
    }
  }
}

extension CorpusError {
  static func tokenBeyondVocabulary(
    _ path: String, _ id: Int, _ position: Int, _ vocabularySize: Int
  ) -> CorpusError {
    CorpusError(
      corpus: path,
      problem: "token \(position) (counted from 0) has id \(id), "
        + "but in a vocabulary of \(vocabularySize) ids end at \(vocabularySize - 1)",
      advice: "Give --vocab-size as the tokenizer of the file has it; text has 256")
  }
}
