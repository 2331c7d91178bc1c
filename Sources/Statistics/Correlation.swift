/// Correlations of pairs of numbers; not a number where one side is constant, or there are fewer than two.
public enum Correlation {
  /// Pearson's r.
  public static func pearson(_ x: [Double], _ y: [Double]) -> Double {
    precondition(x.count == y.count)
    guard x.count > 1, (x + y).allSatisfy(\.isFinite) else { return .nan }
    let count = Double(x.count)
    let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
    var (xx, yy, xy) = (0.0, 0.0, 0.0)
    for (a, b) in zip(x, y) {
      xx += (a - meanX) * (a - meanX)
      yy += (b - meanY) * (b - meanY)
      xy += (a - meanX) * (b - meanY)
    }
    let scale = xx.squareRoot() * yy.squareRoot()
    // Rounding may leave a little more than all there is.
    return scale > 0 ? max(-1, min(1, xy / scale)) : .nan
  }

  /// Spearman's ρ: Pearson's of the ranks, equal numbers at the mean of theirs.
  public static func spearman(_ x: [Double], _ y: [Double]) -> Double {
    guard (x + y).allSatisfy(\.isFinite) else { return .nan }
    return pearson(ranks(of: x), ranks(of: y))
  }

  private static func ranks(of numbers: [Double]) -> [Double] {
    let order = numbers.indices.sorted { numbers[$0] < numbers[$1] }
    var ranks = numbers
    var start = 0
    while start < order.count {
      let end = order[start...].firstIndex { numbers[$0] != numbers[order[start]] } ?? order.count
      for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
      start = end
    }
    return ranks
  }
}
