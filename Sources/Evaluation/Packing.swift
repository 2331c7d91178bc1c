/// Sequences of unequal lengths, put together so that few rows of a pass are left over.
package struct Packing {
  /// The sequences of each pass, by their places.
  package let passes: [[Int]]

  /// Fills one pass after another, each time with the longest sequence that still fits.
  ///
  /// - Precondition: no length is 0 or above `rows`.
  package init(lengths: [Int], rows: Int) {
    precondition(
      lengths.allSatisfy { (1...rows).contains($0) }, "a sequence that fits no pass of \(rows) rows")
    var byLength: [[Int]] = Array(repeating: [], count: rows + 1)
    for index in lengths.indices.reversed() { byLength[lengths[index]].append(index) }
    var left = lengths.count
    var longest = rows
    var passes: [[Int]] = []
    while left > 0 {
      var pass: [Int] = []
      while longest > 0, byLength[longest].isEmpty { longest -= 1 }
      var (room, length) = (rows, longest)
      while length > 0 {
        if length <= room, let index = byLength[length].popLast() {
          pass.append(index)
          room -= length
          left -= 1
        } else {
          length = min(length - 1, room)
        }
      }
      passes.append(pass)
    }
    self.passes = passes
  }
}
