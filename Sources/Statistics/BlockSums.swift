/// Sums over blocks of records, of each layer, several layers to a vector: what a bootstrap spends its time with.
///
/// A vector holds all layers of most models, so that a sum over many blocks stays in registers.
struct BlockSums<Pack: SIMD> where Pack.Scalar == Double {
  let layerCount: Int
  /// Vectors of a record.
  private let width: Int
  /// Sums of the first r records, `(record + 1, vector)`; lanes behind the last layer are zero.
  private let prefix: [Pack]
  /// Sums over each block, `(block, vector)`: beside each other in memory, where the ends of a long block lie far apart.
  private let whole: [Pack]

  /// - Parameter prefixSums: sums of the first r records, `(record + 1, layer)`, of at least one layer.
  init(of blocks: [Range<Int>], prefixSums: [Double], layerCount: Int) {
    self.layerCount = layerCount
    let lanes = Pack.scalarCount
    let width = (layerCount + lanes - 1) / lanes
    var prefix = Array(repeating: Pack(), count: prefixSums.count / layerCount * width)
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

  /// Stores the sum of each layer over some blocks and then some records, added up in that order.
  @inline(__always)
  func store(blocks: [Int], records: Range<Int>?, into sums: inout [Double], at start: Int) {
    let lanes = Pack.scalarCount
    for pack in 0..<width {
      var sum = Pack()
      for block in blocks { sum += whole[block * width + pack] }
      if let records {
        let (lower, upper) = (records.lowerBound * width + pack, records.upperBound * width + pack)
        sum += (prefix[upper] - prefix[lower])
      }
      for layer in pack * lanes..<min(layerCount, (pack + 1) * lanes) {
        sums[start + layer] = sum[layer % lanes]
      }
    }
  }
}
