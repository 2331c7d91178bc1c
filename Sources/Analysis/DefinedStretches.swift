extension [Double] {
  /// Runs of numbers that are defined: what lines are drawn through. A number that is undefined leaves a gap, where one that came out infinite
  /// is a finding and is marked.
  var definedStretches: [Range<Int>] {
    var stretches: [Range<Int>] = []
    for index in indices where !self[index].isNaN {
      if let last = stretches.last, last.upperBound == index {
        stretches[stretches.count - 1] = last.lowerBound..<index + 1
      } else {
        stretches.append(index..<index + 1)
      }
    }
    return stretches
  }
}
