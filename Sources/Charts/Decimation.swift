/// Thinning of a line that has more points than a print can show.
enum Decimation {
  /// The positions to keep of a line: its ends, and in each column of `columnWidth` the lowest and the highest point.
  ///
  /// So the drawn line reaches the same extremes in each column as the full one. A line of no more than two points a
  /// column is kept whole.
  /// - Parameters:
  ///   - x: ascending places, in points.
  ///   - y: as many places, finite.
  static func kept(x: [Double], y: [Double], columnWidth: Double) -> [Int] {
    guard let first = x.first, let last = x.last,
      Double(x.count) > 2 * ((last - first) / columnWidth).rounded(.up)
    else { return Array(x.indices) }
    var result = [0]
    var start = 0
    while start < x.count {
      let column = ((x[start] - first) / columnWidth).rounded(.down)
      var (end, lowest, highest) = (start, start, start)
      while end < x.count, ((x[end] - first) / columnWidth).rounded(.down) == column {
        if y[end] < y[lowest] { lowest = end }
        if y[end] > y[highest] { highest = end }
        end += 1
      }
      for index in [min(lowest, highest), max(lowest, highest)] where result.last != index {
        result.append(index)
      }
      start = end
    }
    if result.last != x.count - 1 { result.append(x.count - 1) }
    return result
  }

  /// Columns of a band: in each, the positions of the lowest lower edge and of the highest upper edge.
  static func envelope(
    x: [Double], lower: [Double], upper: [Double], columnWidth: Double
  ) -> [(lowest: Int, highest: Int)] {
    guard let first = x.first, let last = x.last,
      Double(x.count) > 2 * ((last - first) / columnWidth).rounded(.up)
    else { return x.indices.map { ($0, $0) } }
    var result: [(lowest: Int, highest: Int)] = []
    var column = -1.0
    for index in x.indices {
      let own = ((x[index] - first) / columnWidth).rounded(.down)
      guard own == column, let last = result.last else {
        result.append((index, index))
        column = own
        continue
      }
      if lower[index] < lower[last.lowest] { result[result.count - 1].lowest = index }
      if upper[index] > upper[last.highest] { result[result.count - 1].highest = index }
    }
    return result
  }
}
