import Glibc

/// A number with so many decimals, without trailing zeros.
func rounded(_ value: Double, _ decimals: Int) -> String {
  guard value.isFinite else { return "\(value)" }
  let scale = pow(10, Double(decimals))
  return "\((value * scale).rounded() / scale)"
}

/// e to a loss in nats.
func perplexity(_ loss: Double) -> Double { exp(loss) }

/// ` (did you mean X?)` for the nearest of some names, or nothing where none is near.
func suggestion(for name: String, among names: some Collection<String>) -> String {
  // Comparing takes time in proportion to the length; no name is that long.
  guard name.utf8.count <= 100 else { return "" }
  let ranked = names.map { (name: $0, distance: editDistance(name, $0)) }
    .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
  guard let ranked, ranked.distance <= max(2, name.count / 3) else { return "" }
  return " (did you mean \(ranked.name)?)"
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

/// Text out of a file, in so few characters, and without what would move a terminal's cursor.
func excerpt(_ text: some StringProtocol, limit: Int = 100) -> String {
  let printable = text.unicodeScalars.prefix(limit + 1).reduce(into: "") { printable, scalar in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator:
      printable += "\\u{\(String(scalar.value, radix: 16))}"
    default: printable.unicodeScalars.append(scalar)
    }
  }
  return printable.count > limit ? printable.prefix(limit) + "…" : printable
}
