import RunData
import Statistics
import Testing

@testable import Analysis

/// Against `make_golden.py`: NumPy, SciPy and a second Philox. The tolerance 1e-9 is what prefix sums (1e-16 times the
/// number of records, each a factor of ten for ratios) and a bisection to the last bit leave with room.
@Suite struct StatisticsTests {
  @Test func studentTMatchesSciPy() throws {
    for row in try Golden.load().studentT {
      let value = StudentT.quantile(central: row[0], degreesOfFreedom: Int(row[1]))
      #expect(isClose(value, row[2], relative: 1e-9), "P \(row[0]), \(row[1]) degrees: \(value)")
    }
  }

  @Test func blockLengthMatchesTheIndependentRule() throws {
    for (index, item) in try Golden.load().blockLengths.enumerated() {
      #expect(BlockLength.optimal(for: item.series) == item.length, "case \(index)")
    }
  }

  @Test func blockLengthOfAConstantOrTinySeriesIsOne() {
    #expect(BlockLength.optimal(for: Array(repeating: 2.5, count: 50)) == 1)
    #expect(BlockLength.optimal(for: [1, 2]) == 1)
  }

  /// 50,000 steps in blocks of two are fifty million draws, for nothing that a thousand blocks do not show.
  @Test func longWindowsAreCutIntoAThousandBlocksAtMost() {
    #expect(BlockLength.atLeast(2, of: 1000) == 2)
    #expect(BlockLength.atLeast(2, of: 50_000) == 50)
    #expect(BlockLength.atLeast(70, of: 50_000) == 70)
  }

  @Test func intervalsOverStepsMatchTheIndependentBootstrap() throws {
    let golden = try Golden.load().steps
    let count = golden.values[0].count
    let steps = (0..<count).map { $0 < golden.gapBefore ? $0 : $0 + 500 }
    let run = SyntheticRuns.run(values: golden.values, steps: steps)
    let mismatch = try Mismatch(
      of: RunGroup(label: "x", runs: [run]), operation: SyntheticRuns.operation,
      window: StepWindow(lower: 0, upper: nil))
    #expect(mismatch.method == .steps(runs: 1, records: count, blockLength: golden.blockLength))
    #expect(mismatch.caveats == [.gaps(1)])
    expectEqual(mismatch.earlyLate, golden.earlyLate)
    expectEqual(mismatch.spread, golden.spread)
    expectEqual(mismatch.slope, golden.slope)
    expectEqual(mismatch.means[0], golden.layer0)
  }

  @Test func intervalsOverSeedsMatchSciPy() throws {
    let golden = try Golden.load().seeds
    let runs = golden.profiles.enumerated().map { index, profile in
      SyntheticRuns.run(values: profile.map { [$0] }, seed: UInt64(index))
    }
    let mismatch = try Mismatch(
      of: RunGroup(label: "x", runs: runs), operation: SyntheticRuns.operation,
      window: StepWindow(lower: 0, upper: 1))
    #expect(mismatch.method == .seeds(5))
    #expect(mismatch.caveats.isEmpty)
    expectEqual(mismatch.earlyLate, golden.earlyLate)
    expectEqual(mismatch.spread, golden.spread)
    expectEqual(mismatch.slope, golden.slope)
    expectEqual(mismatch.means[2], golden.layer2)
  }

  private func expectEqual(
    _ estimate: Estimate, _ golden: [Double], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let ends = [estimate.interval?.lower ?? .nan, estimate.interval?.upper ?? .nan]
    for (actual, expected) in zip([estimate.value] + ends, golden) {
      #expect(isClose(actual, expected, relative: 1e-9), sourceLocation: sourceLocation)
    }
  }
}
