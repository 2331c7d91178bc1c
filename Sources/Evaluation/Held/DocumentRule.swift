/// Where a document of a text begins.
public enum DocumentRule: String, CaseIterable, Sendable {
  /// At WikiText's headings where there are two or more, else nowhere.
  case auto
  /// The text is one document.
  case whole
  /// At each line that has something on it.
  case lines
  /// At each line that has something on it and follows an empty one.
  case paragraphs
  /// At WikiText's headings of articles, ` = Title = `.
  case wikitext

  /// The first bytes of all documents of a text, in order; the first is 0.
  func starts(in text: [UInt8]) -> [Int] {
    switch self {
    case .whole: return [0]
    case .auto:
      let headings = DocumentRule.wikitext.starts(in: text)
      return headings.count > 2 ? headings : [0]
    case .lines, .paragraphs, .wikitext: break
    }
    var starts: [Int] = []
    var start = 0
    var isAfterEmpty = true
    for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      let isEmpty = line.allSatisfy(Self.isSpace)
      let begins =
        switch self {
        case .paragraphs: !isEmpty && isAfterEmpty
        case .wikitext: Self.isHeading(line)
        default: !isEmpty
        }
      if begins { starts.append(start) }
      isAfterEmpty = isEmpty
      start += line.count + 1
    }
    // What stands before the first beginning belongs to the first document.
    return [0] + starts.dropFirst()
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

  /// ` = Title = `, but not ` = = Section = = `.
  private static func isHeading(_ line: ArraySlice<UInt8>) -> Bool {
    let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    return words.count > 2 && words[0] == "=" && words[1] != "=" && words[words.count - 1] == "="
      && words[words.count - 2] != "="
  }
}

/// Counts words of UTF-8 text as WikiText's perplexities do: what stands between white space, as Python's `split` finds it, and one end for
/// each line.
func wikiTextWords(in text: ArraySlice<UInt8>) -> Int {
  var words = 0
  var isInWord = false
  for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
    let isSpace = scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    if !isSpace, !isInWord { words += 1 }
    isInWord = !isSpace
  }
  let ends = text.reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
  return words + ends + (text.last.map { $0 == UInt8(ascii: "\n") ? 0 : 1 } ?? 0)
}
