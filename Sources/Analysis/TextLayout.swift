/// Columns that a text takes in a terminal: 1 a character, 2 for East Asian wide ones and emoji, 0 for marks that
/// combine with what is before them.
func displayWidth(_ text: String) -> Int {
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
func padded(_ text: String, to width: Int, flushLeft: Bool) -> String {
  let space = String(repeating: " ", count: max(0, width - displayWidth(text)))
  return flushLeft ? text + space : space + text
}

/// `text` broken at spaces into lines of at most `width` columns; a longer word gets a line to itself.
func wrapped(_ text: String, width: Int) -> [String] {
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

/// `text` on one line, with the characters escaped that Markdown gives a meaning to.
func markdownEscaped(_ text: String) -> String {
  var result = ""
  for (index, character) in zip(text.indices, text) {
    let next = text[text.index(after: index)...].first
    // An ampersand alone is one; before a letter it may begin the name of a character.
    let namesCharacter = character == "&" && (next?.isLetter == true || next == "#")
    if namesCharacter || "\\|*_`<[".contains(character) { result.append("\\") }
    result.append(character.isNewline ? " " : character)
  }
  return result
}
