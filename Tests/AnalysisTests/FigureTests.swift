import Charts
import Foundation
import RunData
import SnapshotSupport
import Statistics
import Testing

@testable import Analysis

@Suite struct FigureTests {
  private func figure(_ runs: [RecordedRun], _ selection: LayerSelection = .paper) throws -> Figure {
    try MismatchReport(runs: runs, selection: selection)
      .figure(program: "nf-probe 0.1.0", command: "nf-probe grads --steps 600 <\"&>")
  }

  /// Three runs of 40 steps: one with non-finite values, one with a layer of zeros, one with a gap and a loss that
  /// stays up.
  private var rough: [RecordedRun] {
    var runs = SyntheticRuns.figure3(stepCount: 40)
    for layer in 0..<12 {
      runs[0].gradients[SyntheticRuns.operation]?.l1[layer][30] = .nan
      runs[0].gradients[SyntheticRuns.operation]?.l1[layer][31] = .infinity
    }
    runs[1].gradients[SyntheticRuns.operation]?.l1[6] = Array(repeating: 0, count: 40)
    runs[2].steps = (0..<40).map { $0 < 20 ? $0 : $0 + 10 }
    runs[2].loss = Array(repeating: 6, count: 40)
    return runs
  }

  @Test func roughRunsMatchTheSnapshot() throws {
    let figure = try figure(rough)
    try expectSnapshot(figure.svg, named: "figure3-rough.svg")
    try expectSnapshot(figure.csv, named: "figure3-rough.csv")
  }

  @Test func seedsMatchTheSnapshot() throws {
    try expectSnapshot(
      figure(SyntheticRuns.figure3(seeds: [1, 2, 3], stepCount: 120)).svg, named: "figure3-seeds.svg")
  }

  @Test func everyFigureIsCleanXMLUnderAHundredKilobytes() throws {
    let figures = try [
      figure(rough), figure(SyntheticRuns.figure3()), figure(SyntheticRuns.figure3(), .all),
      figure(SyntheticRuns.figure3(seeds: [1, 2, 3])), figure([SyntheticRuns.run(values: [[3]])]),
      figure([SyntheticRuns.run(values: [[0, 0], [0, 0]])]),
      figure([SyntheticRuns.run(values: [[.nan, .nan], [.nan, .nan]])]),
    ]
    for (index, figure) in figures.enumerated() {
      let svg = figure.svg
      let check = SVGCheck(svg)
      #expect(check.problems.isEmpty, "figure \(index)")
      #expect(svg.utf8.count < 100_000, "figure \(index)")
      #expect(check.elements["title"] == 1 && check.elements["desc"] == 1 && check.elements["metadata"] == 1)
    }
  }

  @Test func theSameDataGiveTheSameBytes() throws {
    #expect(try figure(rough).svg == figure(rough).svg)
  }

  @Test func panelsSayWhatTheyShow() throws {
    let words = SVGCheck(try figure(rough).svg).words
    for expected in ["Post-LN", "Pre-LN", "NormFormer", "a", "b", "c", "not finite", "zero or less", "step"] {
      #expect(words.contains(expected), "\(expected)")
    }
    #expect(words.contains { $0.hasPrefix("not learning yet; early/late ") })
    let seeds = SVGCheck(try figure(SyntheticRuns.figure3(seeds: [1, 2, 3])).svg).words.joined(separator: " ")
    #expect(seeds.contains("geometric mean over n = 3 seeds"))
    #expect(seeds.contains("Thinned for print"))
  }

  @Test func metadataNameRunsCommandAndContract() throws {
    let svg = try figure(rough).svg
    #expect(svg.contains("<dc:relation>run post-ln-1-"))
    #expect(svg.contains("<dc:source>nf-probe grads --steps 600 &lt;&quot;&amp;&gt;</dc:source>"))
    #expect(svg.contains("<dc:description>contract: loss token negative log-likelihood; reduction mean;"))
    #expect(svg.contains("<dc:creator>nf-probe 0.1.0</dc:creator>"))
  }

  @Test func geometricMeansOverSeeds() {
    func series(_ values: [Double], steps: [Int]) -> LayerSeries? {
      LayerSeries(
        run: SyntheticRuns.run(values: [values], steps: steps), operation: SyntheticRuns.operation,
        statistic: .l1)
    }
    let runs = [
      series([1, 4, 0, .nan], steps: [0, 1, 2, 3]), series([100, 9, 5, 1], steps: [0, 1, 2, 3]),
    ]
    let both = runs.compactMap { $0 }
    let band = SeedBand(both, layer: 0, shared: SharedSteps(both))
    #expect(isClose(band.mean[0], 10, relative: 1e-14) && isClose(band.mean[1], 6, relative: 1e-14))
    #expect(band.mean[2] == 0 && band.mean[3].isNaN)
    #expect(Array(band.lower[..<3]) == [1, 4, 0] && Array(band.upper[..<3]) == [100, 9, 5])
    #expect(band.lower[3].isNaN && band.upper[3].isNaN)
    let unequal = [series([1, 2], steps: [0, 1]), series([3, 4], steps: [1, 2])].compactMap { $0 }
    #expect(SharedSteps(unequal).steps == [1])
    let shared = SeedBand(unequal, layer: 0, shared: SharedSteps(unequal))
    #expect(shared.lower == [2] && shared.upper == [3])
  }

  @Test func movingMeansStayOnATrendAndBreakAtGaps() {
    #expect(MovingMean.width(forRecords: 59) == nil)
    #expect(MovingMean.width(forRecords: 600) == 21)
    // A geometric trend is its own moving geometric mean.
    let series = (0..<100).map { pow2(Double($0) / 10) }
    let mean = MovingMean(of: series, stretches: [0..<50, 50..<100], width: 9)
    #expect(mean.stretches.count == 2)
    #expect(mean.positions.first == 2 && mean.positions.last == 97)
    for (position, value) in zip(mean.positions, mean.values) {
      #expect(isClose(value, series[position], relative: 1e-12))
    }
    var broken = series
    broken[20] = 0
    #expect(MovingMean(of: broken, stretches: [0..<100], width: 9).stretches.count == 2)
  }
}
