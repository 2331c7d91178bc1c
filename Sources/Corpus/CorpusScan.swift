import Checksums
import FileAccess
import Glibc

/// What one pass over all bytes of a token file tells: digest, frequencies, and whether the bytes are what they should
/// be.
struct CorpusScan {
  private(set) var sha256 = ""
  private(set) var vocabularySize = 0
  /// Entropy of the token frequencies, in nats.
  private(set) var unigramEntropy = 0.0

  private var hash = SHA256()
  private var counts: [Int]
  private var text = UTF8Check()
  private let isVocabularyGiven: Bool
  private let file: RandomAccessFile
  private let layout: TokenFileLayout

  init(of file: RandomAccessFile, layout: TokenFileLayout, vocabularySize: Int?) throws(CorpusError) {
    self.file = file
    self.layout = layout
    isVocabularyGiven = vocabularySize != nil
    if let vocabularySize {
      guard (2...TokenFile.maximumVocabularySize).contains(vocabularySize) else {
        throw CorpusError(
          corpus: file.path,
          problem: "a vocabulary of \(vocabularySize) is outside 2...\(TokenFile.maximumVocabularySize)")
      }
    }
    counts = Array(repeating: 0, count: vocabularySize ?? 0)
    try scan()
    guard counts.count > 1 else {
      throw CorpusError(corpus: file.path, problem: "holds nothing but token id 0: there is nothing to learn")
    }
    sha256 = hash.hexDigest()
    self.vocabularySize = counts.count
    unigramEntropy = Self.entropy(of: counts)
  }

  /// Entropy of relative frequencies, in nats: `ln n - (1/n) sum c ln c`.
  static func entropy(of counts: [Int]) -> Double {
    let total = Double(counts.reduce(0, +))
    let sum = counts.reduce(0.0) { $1 > 0 ? $0 + Double($1) * log(Double($1)) : $0 }
    // Rounding can leave a sum that is a hair too large where one token is all there is.
    return max(0, log(total) - sum / total)
  }

  private mutating func scan() throws(CorpusError) {
    let windowByteCount = 1 << 20
    var window = [UInt8](repeating: 0, count: min(windowByteCount, file.byteCount))
    var offset = 0
    while offset < file.byteCount {
      // The header goes first and alone, so that every later window holds whole tokens.
      let end = offset < layout.headerByteCount ? layout.headerByteCount : offset + windowByteCount
      let count = min(end, file.byteCount) - offset
      try reading { () throws(FileAccessError) in
        try file.read(into: &window, range: 0..<count, at: offset)
      }
      hash.update(window, count: count)
      if offset >= layout.headerByteCount { try tally(window, count: count, at: offset) }
      offset += count
    }
    guard text.isComplete else {
      throw CorpusError(
        corpus: file.path, problem: "ends inside a UTF-8 character, at byte \(file.byteCount)")
    }
  }

  private mutating func tally(_ window: [UInt8], count: Int, at offset: Int) throws(CorpusError) {
    if layout.format == .text { try checkText(window, count: count, at: offset) }
    let width = layout.bytesPerToken
    var position = (offset - layout.headerByteCount) / width
    for start in stride(from: 0, to: count, by: width) {
      var id = Int(window[start])
      if width > 1 { id |= Int(window[start + 1]) << 8 }
      if width > 2 { id |= Int(window[start + 2]) << 16 | Int(window[start + 3]) << 24 }
      if id >= counts.count { try admit(id, at: position) }
      counts[id] += 1
      position += 1
    }
  }

  private mutating func admit(_ id: Int, at position: Int) throws(CorpusError) {
    if isVocabularyGiven { throw .tokenBeyondVocabulary(file.path, id, position, counts.count) }
    guard id < TokenFile.maximumVocabularySize else {
      throw CorpusError(
        corpus: file.path,
        problem: "token \(position) (counted from 0) has id \(id); no vocabulary is that large",
        advice: "This is probably not a file of tokens")
    }
    counts += Array(repeating: 0, count: id + 1 - counts.count)
  }

  private mutating func checkText(_ window: [UInt8], count: Int, at offset: Int) throws(CorpusError) {
    guard let bad = text.firstBadByte(in: window, count: count) else { return }
    let what = window[bad] == 0 ? "NUL" : "0x" + String(window[bad], radix: 16) + ", which is not UTF-8 here"
    throw CorpusError(
      corpus: file.path, problem: "byte \(offset + bad) (counted from 0) is \(what): this is not UTF-8 text",
      advice: "Convert it to UTF-8; token files end in .bin, or start with a magic of llm.c")
  }
}
