/// `1 run`, `3 runs`.
package func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

/// What of a list is told in a message: the first ones, and how many there are beside.
package func listed(_ names: [String], atMost limit: Int = 24) -> String {
  let rest = names.count - limit
  return names.prefix(limit).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
}

/// A text of others as a part of one line of a message: short, and without characters that act on a terminal.
package func printable(_ text: String) -> String {
  let longest = 60
  var result = ""
  for scalar in text.unicodeScalars {
    var shown = String(scalar)
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator:
      shown = "\\u{\(String(scalar.value, radix: 16))}"
    default: break
    }
    guard result.unicodeScalars.count + shown.unicodeScalars.count <= longest else { return result + "…" }
    result += shown
  }
  return result
}

/// A word as a shell reads it.
package func shellWord(_ word: String) -> String {
  let isPlain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:=,+@%".contains($0)) }
  return isPlain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
}
