import RealModule

/// A centred moving geometric mean: the line that a reader follows through a noisy series on a logarithmic axis.
package struct MovingMean: Equatable {
  /// The fewest records of a series that is smoothed at all.
  package static let fewestRecords = 60

  /// Positions in the series at which the mean was taken.
  package let positions: [Int]
  /// The mean at each of them.
  package let values: [Double]
  /// Runs of positions without a gap: positions in ``positions``.
  package let stretches: [Range<Int>]

  /// The width that suits a series of `recordCount` records: an odd number near a thirtieth of it; nil for a series that is
  /// too short.
  package static func width(forRecords recordCount: Int) -> Int? {
    recordCount < fewestRecords ? nil : 2 * (recordCount / 60) + 1
  }

  /// Means over `width` records, or half as many near the end of a stretch and near a value that is zero or not finite,
  /// taken about four times a width.
  package init(of series: [Double], stretches: [Range<Int>], width: Int) {
    var positions: [Int] = []
    var values: [Double] = []
    var ranges: [Range<Int>] = []
    for stretch in stretches {
      for piece in stretch.split(whereSeparator: { !(series[$0].isFinite && series[$0] > 0) }) {
        let start = positions.count
        Self.smooth(series, piece: piece, width: width) { position, mean in
          positions.append(position)
          values.append(mean)
        }
        ranges.append(start..<positions.count)
      }
    }
    self.positions = positions
    self.values = values
    self.stretches = ranges
  }

  private static func smooth(
    _ series: [Double], piece: Range<Int>, width: Int, _ body: (Int, Double) -> Void
  ) {
    var sums = [0.0]
    for position in piece { sums.append(sums[sums.count - 1] + Double.log10(series[position])) }
    // Within a quarter of a width from an end the mean would follow the noise: the line stops there.
    let margin = min(width, piece.count) / 4
    let inner = (piece.lowerBound + margin)..<(piece.upperBound - margin)
    var nodes = Array(stride(from: inner.lowerBound, to: inner.upperBound, by: max(1, width / 4)))
    if nodes.last != inner.upperBound - 1 { nodes.append(inner.upperBound - 1) }
    for node in nodes {
      // The same reach to both sides, so that a trend does not bend at the ends.
      let reach = min(width / 2, node - piece.lowerBound, piece.upperBound - 1 - node)
      let start = node - reach - piece.lowerBound
      let count = 2 * reach + 1
      body(node, Double.pow(10, (sums[start + count] - sums[start]) / Double(count)))
    }
  }
}
