// Names that a person may have meant by another one.

/// Names in the order of how near they are to one that is none of them: those that hold it or are held by it first, then by spelling.
package func nearestFirst(to name: String, among names: [String]) -> [String] {
  // What is far longer than every name resembles none, and would take long to compare.
  guard name.count <= 128 else { return names }
  let wanted = name.lowercased()
  let ranked = names.enumerated().map { place, candidate in
    let candidate = candidate.lowercased()
    let holds = !wanted.isEmpty && (candidate.contains(wanted) || wanted.contains(candidate))
    return (place: place, holds: holds ? 0 : 1, distance: spellingDistance(wanted, candidate))
  }
  return ranked.sorted { ($0.holds, $0.distance, $0.place) < ($1.holds, $1.distance, $1.place) }.map {
    names[$0.place]
  }
}

/// Whether a name is near enough to another one to be what was meant.
package func isNear(_ name: String, to candidate: String) -> Bool {
  let (name, candidate) = (name.lowercased(), candidate.lowercased())
  guard !name.isEmpty, name.count <= 128 else { return false }
  return candidate.contains(name) || spellingDistance(name, candidate) <= max(2, name.count / 3)
}

/// ` (did you mean X?)` for the nearest of some names, or nothing where none is near.
package func suggestion(for name: String, among names: some Collection<String>) -> String {
  // What is far longer than every name resembles none, and would take long to compare.
  guard name.count <= 64 else { return "" }
  let ranked = names.map { (name: $0, distance: spellingDistance(name, $0)) }
    .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
  guard let ranked, ranked.distance <= max(2, name.count / 3) else { return "" }
  return " (did you mean \(ranked.name)?)"
}

/// Insertions, deletions and replacements that turn one text into the other (Levenshtein).
private func spellingDistance(_ first: String, _ second: String) -> Int {
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
