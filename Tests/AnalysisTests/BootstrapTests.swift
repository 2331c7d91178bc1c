import Randomness
import RunData
import Statistics
import Testing

@testable import Analysis

@Suite struct BootstrapTests {
  @Test func blocksStayWithinTheirStretch() {
    let stretches = [0..<7, 7..<9, 9..<40]
    let bootstrap = BlockBootstrap(stretches: stretches, blockLength: 5)
    for resample in 0..<200 {
      let blocks = bootstrap.blocks(ofResample: resample)
      #expect(blocks.map(\.count).reduce(0, +) == 40)
      for block in blocks {
        #expect(block.count <= 5 && !block.isEmpty)
        #expect(stretches.contains { $0.lowerBound <= block.lowerBound && block.upperBound <= $0.upperBound })
      }
    }
  }

  @Test func everyRecordIsEquallyLikely() {
    let bootstrap = BlockBootstrap(stretches: [0..<3, 3..<20], blockLength: 4)
    var counts = Array(repeating: 0, count: 20)
    for resample in 0..<BlockBootstrap.resampleCount {
      for block in bootstrap.blocks(ofResample: resample) { for record in block { counts[record] += 1 } }
    }
    // 40,000 draws over 20 records: 2000 each. Records of a block come together, up to four at a time, so that five
    // standard deviations are 5 · √(4 · 2000). The last block of a resample loses its end, which takes a little from the
    // later records of a block: under 2 %.
    for count in counts { #expect(abs(count - 2000) < 450 + 40) }
  }

  @Test func runsOfAGroupAreResampledIndependently() {
    let one = BlockBootstrap(stretches: [0..<100], blockLength: 5, run: 0)
    let other = BlockBootstrap(stretches: [0..<100], blockLength: 5, run: 1)
    #expect(one.blocks(ofResample: 0) != other.blocks(ofResample: 0))
  }

  @Test func percentilesExpandForFewBlocks() {
    // With many blocks 2.5 %; with 10: Φ(-√(10/9) · 2.262157) = Φ(-2.384525) = 0.008551.
    #expect(isClose(BlockBootstrap.tailShare(blockCount: 100_000), 0.025, relative: 1e-3))
    #expect(isClose(BlockBootstrap.tailShare(blockCount: 10), 0.008551, relative: 1e-3))
    #expect(BlockBootstrap.tailShare(blockCount: 1) == BlockBootstrap.tailShare(blockCount: 2))
    let samples = (0...100).map(Double.init)
    #expect(
      BlockBootstrap.percentileInterval(of: samples, tailShare: 0.025) == Interval(lower: 2.5, upper: 97.5))
    #expect(BlockBootstrap.percentileInterval(of: [1, .nan], tailShare: 0.025) == nil)
    let infinite = BlockBootstrap.percentileInterval(of: [-.infinity, -.infinity, 1, 2], tailShare: 0.025)
    #expect(infinite?.lower == -.infinity)
  }

  /// The share of 95 % intervals of early/late that hold the true ratio 1, for two layers of independent log-normal AR(1)
  /// series with correlation φ from step to step. Found over 400 series each:
  ///
  ///     records    50    100    300   1000
  ///     φ = 0      0.95  0.96   0.95  0.97
  ///     φ = 0.5    0.87  0.90   0.91  0.95
  ///     φ = 0.8    0.81  0.85   0.94  0.93
  ///     φ = 0.95   0.56  0.71   0.82  0.90
  ///
  /// Here 60 series of 300 records with φ = 0.8: 56 are expected, and 46 is five standard deviations below. Intervals that
  /// took steps as independent would hold it in about 29.
  @Test func intervalsCoverTheTruthOfAnAutocorrelatedSeries() throws {
    var hits = 0
    for series in 0..<60 {
      let layers = (0..<2).map {
        logNormalSeries(count: 300, correlation: 0.8, stream: UInt64(2 * series + $0))
      }
      let mismatch = try Mismatch(
        of: RunGroup(label: "", runs: [SyntheticRuns.run(values: layers)]),
        operation: SyntheticRuns.operation, window: StepWindow(lower: 0, upper: nil))
      let interval = try #require(mismatch.earlyLate.interval)
      if interval.lower <= 1, interval.upper >= 1 { hits += 1 }
    }
    #expect(hits >= 46)
  }

  private func logNormalSeries(count: Int, correlation: Double, stream: UInt64) -> [Double] {
    let generator = Philox(seed: 11, stream: stream)
    let innovation = (1 - correlation * correlation).squareRoot()
    var value = generator.normal(at: 0)
    return (1...count).map { step in
      value = correlation * value + innovation * generator.normal(at: UInt64(step))
      return pow2(0.3 * value)
    }
  }
}
