/// Sums over blocks of records, of each layer, several layers to a vector: what a bootstrap spends its time with.
struct BlockSums {
  typealias Pack = SIMD4<Double>

  let layerCount: Int
  /// Vectors of a record.
  let width: Int
  /// Sums of the first r records, `(record + 1, vector)`; lanes behind the last layer are zero.
  private let prefix: [Pack]
  /// Sums over each block, `(block, vector)`: beside each other in memory, where the ends of a long block lie far apart.
  private let whole: [Pack]

  /// - Parameter prefixSums: sums of the first r records, `(record + 1, layer)`, of at least one layer.
  init(of blocks: [Range<Int>], prefixSums: [Double], layerCount: Int) {
    self.layerCount = layerCount
    let lanes = Pack.scalarCount
    let width = (layerCount + lanes - 1) / lanes
    var prefix = Array(repeating: Pack.zero, count: prefixSums.count / layerCount * width)
    for (row, start) in stride(from: 0, to: prefixSums.count, by: layerCount).enumerated() {
      for layer in 0..<layerCount {
        prefix[row * width + layer / lanes][layer % lanes] = prefixSums[start + layer]
      }
    }
    var whole: [Pack] = []
    whole.reserveCapacity(blocks.count * width)
    for block in blocks {
      for pack in 0..<width {
        whole.append(prefix[block.upperBound * width + pack] - prefix[block.lowerBound * width + pack])
      }
    }
    self.width = width
    self.prefix = prefix
    self.whole = whole
  }

  /// Adds the sums over a block.
  func add(block: Int, to sums: inout [Pack]) {
    let start = block * width
    for pack in 0..<width { sums[pack] += whole[start + pack] }
  }

  /// Adds the sums over some records.
  func add(records: Range<Int>, to sums: inout [Pack]) {
    let (start, end) = (records.lowerBound * width, records.upperBound * width)
    for pack in 0..<width { sums[pack] += prefix[end + pack] - prefix[start + pack] }
  }
}
