import Randomness
import RealModule

/// A moving-block bootstrap of window means, all layers together.
///
/// A resample strings blocks of consecutive records together until it has as many records as the window. A block
/// starts anywhere from `blockLength - 1` records before a stretch to its last record, and is cut off where the
/// stretch begins and ends: so no block joins records over a gap, and every record is equally likely. The same
/// blocks are taken in every layer, so that what the layers have in common, such as the batch, cancels in a ratio.
///
/// Blocks are drawn with a counter-based generator from a fixed seed: the same data give the same interval.
package struct BlockBootstrap {
  /// The number of resamples: the ends of a 95 % interval each rest on up to 50 of them.
  package static let resampleCount = 2000
  /// The seed of every interval.
  package static let seed: UInt64 = 0x6E66_7072_6F62_65

  private let blocks: [Range<Int>]
  private let recordCount: Int
  private let generator: Philox

  /// Prepares the blocks of one run.
  /// - Parameters:
  ///   - stretches: runs of records without a gap, positions from 0 on without a hole between them.
  ///   - run: the run's place in its group, so that several runs are resampled independently.
  package init(stretches: [Range<Int>], blockLength: Int, run: Int = 0) {
    blocks = stretches.flatMap { stretch in
      ((stretch.lowerBound - blockLength + 1)..<stretch.upperBound).map { start in
        max(start, stretch.lowerBound)..<min(start + blockLength, stretch.upperBound)
      }
    }
    recordCount = stretches.last?.upperBound ?? 0
    generator = Philox(seed: Self.seed, stream: UInt64(run))
  }

  /// The blocks of one resample, the last one cut off to make the record count exact.
  package func blocks(ofResample resample: Int) -> [Range<Int>] {
    var result: [Range<Int>] = []
    drawBlocks(resample) { result.append($1) }
    return result
  }

  /// The mean of each column in each resample, `(resample, layer)`; not a number in a resample without a record of the layer.
  /// - Parameters:
  ///   - prefixSums: sums of the first r records of each layer, `(record + 1, layer)`.
  ///   - prefixCounts: how many of these records each layer has; nil where each has all.
  package func resampledMeans(prefixSums: [Double], prefixCounts: [Double]? = nil, layerCount: Int)
    -> [Double]
  {
    guard layerCount > 0 else { return [] }
    let sums = resampledSums(prefixSums, layerCount)
    let counts = prefixCounts.map { resampledSums($0, layerCount) }
    // Differences of prefix sums beside a huge spike can fall below zero by rounding.
    return sums.indices.map { max(0, sums[$0]) / (counts?[$0] ?? Double(recordCount)) }
  }

  /// The sum of each column in each resample, `(resample, layer)`.
  ///
  /// - Parameter prefixSums: `(record + 1, layer)`.
  private func resampledSums(_ prefixSums: [Double], _ layerCount: Int) -> [Double] {
    // As many lanes as there are layers, or as a cache line has.
    switch layerCount {
    case ...4:
      resampledSums(BlockSums<SIMD4<Double>>(of: blocks, prefixSums: prefixSums, layerCount: layerCount))
    case ...8:
      resampledSums(BlockSums<SIMD8<Double>>(of: blocks, prefixSums: prefixSums, layerCount: layerCount))
    default:
      resampledSums(BlockSums<SIMD16<Double>>(of: blocks, prefixSums: prefixSums, layerCount: layerCount))
    }
  }

  private func resampledSums<Pack: SIMD>(_ blockSums: BlockSums<Pack>) -> [Double] {
    var result = Array(repeating: 0.0, count: Self.resampleCount * blockSums.layerCount)
    var whole: [Int] = []
    for resample in 0..<Self.resampleCount {
      whole.removeAll(keepingCapacity: true)
      var rest: Range<Int>?
      drawBlocks(resample) { index, records in
        // The last block alone is cut off.
        if records.count == blocks[index].count { whole.append(index) } else { rest = records }
      }
      blockSums.store(
        blocks: whole, records: rest, into: &result, at: resample * blockSums.layerCount)
    }
    return result
  }

  /// Gives `body` the number of each block, and its records: fewer than the block has of the last one.
  private func drawBlocks(_ resample: Int, _ body: (Int, Range<Int>) -> Void) {
    var missing = recordCount
    var position = UInt64(resample) << 32
    func take(_ index: Int) {
      let block = blocks[index]
      let taken = min(block.count, missing)
      if taken > 0 { body(index, block.lowerBound..<(block.lowerBound + taken)) }
      missing -= taken
    }
    while missing > 0 {
      let drawn = generator.integers(below: blocks.count, from: position)
      take(drawn.0)
      take(drawn.1)
      take(drawn.2)
      take(drawn.3)
      position += 4
    }
  }

  /// The share of resamples below a 95 % interval, and above it: 2.5 % with many blocks, fewer with few.
  ///
  /// A resample of k independent blocks varies less than a mean of k blocks does, as 1 - 1/k, and its tails are a normal's,
  /// not Student's. Hesterberg's expanded percentiles ("What Teachers Should Know About the Bootstrap", 2015) correct both:
  /// Φ(-√(k/(k-1)) t), with the 97.5 % point t of k - 1 degrees of freedom.
  package static func tailShare(blockCount: Int) -> Double {
    let count = Double(max(2, blockCount))
    let bound = StudentT.quantile(central: 0.95, degreesOfFreedom: max(2, blockCount) - 1)
    return normalProbability(below: -(count / (count - 1)).squareRoot() * bound)
  }

  /// The points of `samples` with `tailShare` of them below and above, linear between order statistics; nil where any is
  /// not a number.
  package static func percentileInterval(of samples: [Double], tailShare: Double) -> Interval? {
    guard !samples.contains(where: \.isNaN) else { return nil }
    let sorted = samples.sorted()
    return Interval(
      lower: quantile(tailShare, ofSorted: sorted), upper: quantile(1 - tailShare, ofSorted: sorted))
  }
}

/// P(Z <= x) of a standard normal Z.
private func normalProbability(below x: Double) -> Double { Double.erfc(-x / 2.0.squareRoot()) / 2 }
