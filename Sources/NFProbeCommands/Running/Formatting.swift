import Glibc

/// A number with so many decimals, without trailing zeros.
func rounded(_ value: Double, _ decimals: Int) -> String {
  // The sign of what is not a number says nothing.
  guard value.isFinite else { return value.isNaN ? "nan" : "\(value)" }
  let scale = pow(10, Double(decimals))
  return "\((value * scale).rounded() / scale)"
}

/// e to a loss in nats.
func perplexity(_ loss: Double) -> Double { exp(loss) }

/// ` (did you mean X?)` for the nearest of some names, or nothing where none is near.
func suggestion(for name: String, among names: some Collection<String>) -> String {
  // What is far longer than every name resembles none, and would take long to compare.
  guard name.count <= 64 else { return "" }
  let ranked = names.map { (name: $0, distance: editDistance(name, $0)) }
    .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
  guard let ranked, ranked.distance <= max(2, name.count / 3) else { return "" }
  return " (did you mean \(ranked.name)?)"
}

/// A text of others as a part of one line of a message: short, and without characters that act on a terminal.
func printable(_ text: String) -> String {
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

/// Insertions, deletions and replacements that turn one text into the other (Levenshtein).
func editDistance(_ first: String, _ second: String) -> Int {
  let (first, second) = (Array(first), Array(second))
  var previous = Array(0...second.count)
  for (row, character) in first.enumerated() {
    var current = [row + 1]
    for (column, other) in second.enumerated() {
      current.append(
        min(previous[column + 1] + 1, current[column] + 1, previous[column] + (character == other ? 0 : 1)))
    }
    previous = current
  }
  return previous[second.count]
}

/// `1 run`, `3 runs`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
