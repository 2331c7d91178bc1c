/// Columns that a text takes in a terminal: 1 a character, 2 for East Asian wide ones and emoji, 0 for marks that
/// combine with what is before them.
package func displayWidth(_ text: String) -> Int {
  text.reduce(0) { width, character in
    guard let scalar = character.unicodeScalars.first else { return width }
    switch scalar.properties.generalCategory {
    case .control, .format, .nonspacingMark, .enclosingMark: return width
    default: return width + (isWide(scalar.value) ? 2 : 1)
    }
  }
}

/// The blocks of Unicode's East Asian Width classes W and F.
private func isWide(_ scalar: UInt32) -> Bool {
  switch scalar {
  case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3,
    0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
    0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x3FFFD:
    return true
  default:
    return false
  }
}

/// `text` filled with spaces to a display width.
package func padded(_ text: String, to width: Int, flushLeft: Bool) -> String {
  let space = String(repeating: " ", count: max(0, width - displayWidth(text)))
  return flushLeft ? text + space : space + text
}

/// `text` broken at spaces into lines of at most `width` columns; a longer word gets a line to itself.
package func wrapped(_ text: String, width: Int) -> [String] {
  var lines: [String] = []
  for word in text.split(whereSeparator: \.isWhitespace) {
    if let last = lines.last, displayWidth(last) + 1 + displayWidth(String(word)) <= width {
      lines[lines.count - 1] = last + " " + word
    } else {
      lines.append(String(word))
    }
  }
  return lines
}

/// The widest of a text's words.
package func longestWord(_ text: String) -> Int {
  text.split(whereSeparator: \.isWhitespace).map { displayWidth(String($0)) }.max() ?? 0
}

/// `text` as lines of at most `width` columns of a terminal: broken at spaces; a longer word behind a point or the like, else anywhere.
public func folded(_ text: String, width: Int) -> [String] {
  guard displayWidth(text) > width else { return [text] }
  var lines: [String] = []
  for word in unbrokenWords(text).flatMap({ broken($0, width: max(1, width)) }) {
    if let last = lines.last, displayWidth(last) + 1 + displayWidth(word) <= width {
      lines[lines.count - 1] = last + " " + word
    } else {
      lines.append(word)
    }
  }
  return lines
}

/// A text's words, an interval such as `[0.12, 11.8]` and a number with its percent sign as one each.
private func unbrokenWords(_ text: String) -> [String] {
  var words: [String] = []
  for word in text.split(whereSeparator: \.isWhitespace).map(String.init) {
    let isUpperEnd = word.contains("]") && !word.contains("[")
    let followsLowerEnd = words.last.map { $0.hasPrefix("[") && $0.hasSuffix(",") } ?? false
    let followsNumber = words.last?.last?.isNumber ?? false
    if (isUpperEnd && followsLowerEnd) || (word.hasPrefix("%") && followsNumber) {
      words[words.count - 1] += " " + word
    } else {
      words.append(word)
    }
  }
  return words
}

private func broken(_ word: String, width: Int) -> [String] {
  var lines: [String] = []
  var rest = Array(word)
  while displayWidth(String(rest)) > width {
    var end = 0
    var used = 0
    while end < rest.count, used + displayWidth(String(rest[end])) <= width {
      used += displayWidth(String(rest[end]))
      end += 1
    }
    end = max(1, end)
    let joint = rest[..<end].lastIndex { "./_,:=".contains($0) }
    if let joint, joint + 1 > end / 2 { end = joint + 1 }
    lines.append(String(rest[..<end]))
    rest.removeFirst(end)
  }
  return lines + (rest.isEmpty ? [] : [String(rest)])
}
