import Charts
import Documents
import Randomness
import RunData
import Statistics
import Testing

@testable import Analysis

/// Noise and signal, of gradients whose truth is known: g = G + ε/√b of b samples, ε of variance `noise` in all.
@Suite struct NoiseTests {
  private static let dimension = 20
  private static let partCount = 4
  private static let tokensOfPart = 16.0

  /// One step: the parts' gradients drawn independently, the whole their mean.
  private static func draw(_ generator: Philox, step: Int, signal: Double, noise: Double) -> NoiseSums {
    let size = Double(dimension)
    var whole = Array(repeating: 0.0, count: dimension)
    var parts = 0.0
    for part in 0..<partCount {
      for element in 0..<dimension {
        let position = UInt64((step * partCount + part) * dimension + element)
        let value =
          (signal / size).squareRoot()
          + (noise / size / tokensOfPart).squareRoot() * generator.normal(at: position)
        whole[element] += value / Double(partCount)
        parts += value * value / Double(partCount)
      }
    }
    return NoiseSums(
      partSquares: parts, squares: whole.reduce(0) { $0 + $1 * $1 }, partTokens: tokensOfPart,
      tokens: Double(partCount) * tokensOfPart)
  }

  private static func series(seed: UInt64, records: Int, signal: Double, noise: Double) -> NoiseSeries {
    let generator = Philox(seed: seed, stream: "noise")
    var series = NoiseSeries(placeCount: 2)
    for record in 0..<records {
      let sums = draw(generator, step: record, signal: signal, noise: noise)
      series.steps.append(10 * record)
      series.parts.append(partCount)
      series.partTokens.append(sums.partTokens)
      series.tokens.append(sums.tokens)
      series.partSquares[0].append(sums.partSquares)
      series.squares[0].append(sums.squares)
      series.partSquares[1].append(0)
      series.squares[1].append(0)
    }
    return series
  }

  /// The formulas of the design: signal² = (B|g|² - b mean|g_i|²)/(B - b), noise = (mean|g_i|² - |g|²)/(1/b - 1/B).
  @Test func theFormulasAreThoseOfTwoBatchSizes() {
    let sums = NoiseSums(partSquares: 5, squares: 3, partTokens: 8, tokens: 32)
    let signal: Double = (32 * 3 - 8 * 5) / (32 - 8)
    let noise: Double = 2 / (1 / 8 - 1 / 32)
    #expect(sums.signal == signal)
    #expect(sums.noise == noise)
  }

  /// 10,000 draws: within four standard errors of the truth, which lies far below the spread of one draw.
  @Test func estimatesAreUnbiased() {
    let generator = Philox(seed: 3, stream: "unbiased")
    let draws = (0..<10_000).map { Self.draw(generator, step: $0, signal: 0.5, noise: 64) }
    for (values, truth) in [(draws.map(\.signal), 0.5), (draws.map(\.noise), 64.0)] {
      let mean = values.reduce(0, +) / 10_000
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 9_999
      #expect(abs(mean - truth) <= 4 * (variance / 10_000).squareRoot())
      #expect(variance.squareRoot() > 0.1 * truth)
    }
    #expect(draws.contains { $0.signal < 0 })
  }

  /// How often the interval holds the truth, over 400 repetitions of experiments that are drawn anew; three standard errors of a coverage
  /// of 95 % are 3.3 points. A bootstrap of 40 records stays a little below it.
  @Test(arguments: [(runs: 5, records: 20, least: 0.917), (runs: 1, records: 40, least: 0.90)])
  func intervalsHoldTheTruth(runs: Int, records: Int, least: Double) {
    let (signal, noise) = (0.5, 64.0)
    var held = 0
    for repetition in 0..<400 {
      let own = (0..<runs).map { run in
        (
          series: Self.series(
            seed: UInt64(1000 * repetition + run), records: records, signal: signal, noise: noise),
          records: 0..<records
        )
      }
      let interval = NoiseEstimate(own, places: 0...0).signalByNoise.interval
      if let interval, interval.lower <= signal / noise, signal / noise <= interval.upper { held += 1 }
    }
    #expect(Double(held) / 400 >= least, "\(held) of 400")
    #expect(Double(held) / 400 <= 0.985, "\(held) of 400")
  }

  @Test func noiseWithoutSignalIsNotResolved() {
    let runs = (0..<4).map {
      (series: Self.series(seed: UInt64($0), records: 20, signal: 0, noise: 64), records: 0..<20)
    }
    let estimate = NoiseEstimate(runs, places: 0...0)
    #expect(!estimate.isResolved)
    #expect(estimate.noiseScale.value.isNaN && estimate.signalShare.value.isNaN)
    // At least as large as some batches of 64 tokens: a signal of a tenth would have been seen.
    #expect(estimate.leastNoiseScale ?? 0 > 640)
  }

  /// Fieller's ends are where x̄ - r ȳ lies t standard errors from zero.
  @Test func fiellersEndsAreWhereTheDifferenceIsJustSignificant() throws {
    let (x, y) = ([3.0, 4.5, 2.5, 5.0, 3.5], [10.0, 12.0, 9.0, 13.0, 10.5])
    let interval = try #require(RatioOfMeans.fieller(x, y))
    for end in [interval.lower, interval.upper] {
      let of = StudentT.interval(of: zip(x, y).map { $0 - end * $1 })
      #expect(min(abs(of.lower), abs(of.upper)) < 1e-12)
    }
    #expect(RatioOfMeans.fieller(x, [-1, 1, -2, 2, 0.5]) == nil)
  }

  /// Seeds whose noise differs so much that its mean cannot be told from zero have no interval, and no noise scale.
  @Test func seedsThatDifferTooMuchAreNotResolved() {
    let runs = [1.0, 1, 4000].enumerated().map { seed, noise in
      (series: Self.series(seed: UInt64(seed), records: 20, signal: 5, noise: noise), records: 0..<20)
    }
    let estimate = NoiseEstimate(runs, places: 0...0)
    #expect(estimate.signalByNoise.value > 0 && estimate.signalByNoise.interval == nil)
    #expect(!estimate.isResolved && estimate.leastNoiseScale == nil)
  }

  private func report(signal: Double) throws -> NoiseReport {
    let runs = (0..<3).map { seed -> RecordedRun in
      var run = SyntheticRuns.run(
        values: [[1, 2, 3]], seed: UInt64(seed),
        configuration: #"{"sequence": 8, "seed": "\#(seed)"}"#)
      run.noise = Self.series(seed: UInt64(seed), records: 40, signal: signal, noise: 64)
      return run
    }
    return try NoiseReport(runs: runs)
  }

  @Test func theTableSaysWhatIsAndWhatIsNotResolved() throws {
    let resolved = try report(signal: 2).table.rendered(as: .csv)
    #expect(resolved.contains("layer 0") && resolved.contains("whole model") && resolved.contains("3 seeds"))
    let estimate = try report(signal: 2).entries[0].estimates[0].estimate
    #expect(abs(estimate.noiseScale.value / 32 - 1) < 0.1)
    // A batch of 64 at a noise scale of 32: two thirds are signal.
    #expect(abs(estimate.signalShare.value - 2.0 / 3) < 0.05)
    let hidden = try report(signal: 0).table
    #expect(hidden.rows.allSatisfy { "\($0[2])".contains("nan") })
  }

  /// Nothing is drawn, nor marked as not finite, where a signal is not resolved.
  @Test func linesBreakWhereNothingIsResolved() throws {
    let (nan, finite) = (Double.nan, [1.0, 2])
    #expect(([nan] + finite + [nan, nan, 5]).definedStretches == [1..<3, 5..<6])
    #expect([Double.infinity, nan].definedStretches == [0..<1] && [nan].definedStretches.isEmpty)
    for signal in [0.0, 2] {
      let svg = try report(signal: signal).figure(program: "p", command: "c").svg
      #expect(!svg.contains("not finite"))
    }
  }

  /// Norms whose noise scale is a fifth of all tensors' in every run, layer and window follow it exactly: a factor of five, correlations of one.
  @Test func whatFollowsExactlyIsSaidToFollow() throws {
    let runs = (0..<3).map { seed -> NoiseFollowing.Run in
      var (parts, norms) = (NoiseSeries(placeCount: 4), NoiseSeries(placeCount: 4))
      for step in 0..<80 {
        // Signal 1 and a noise that differs by layer and grows over the run.
        func append(_ series: inout NoiseSeries, factor: Double) {
          series.steps.append(step)
          series.parts.append(8)
          series.partTokens.append(8)
          series.tokens.append(64)
          for place in 0..<4 {
            let noise = factor * Double((1 + place) * (step + 10) * (seed + 1))
            series.partSquares[place].append(1 + noise / 8)
            series.squares[place].append(1 + noise / 64)
          }
        }
        append(&norms, factor: 2)
        if step % 5 == 0 { append(&parts, factor: 10) }
      }
      return NoiseFollowing.Run(parts: (parts, 0..<16), norms: (norms, 0..<80))
    }
    let following = NoiseFollowing(runs)
    // The parts' steps of a window are not exactly its middle.
    #expect(abs(following.factor.value - 5) < 0.25)
    #expect(following.factor.interval.map { $0.lower <= $0.upper } ?? false)
    #expect(abs((following.overLayers ?? 0) - 1) < 1e-9)
    #expect((following.overTime ?? 0) > 0.99)
  }

  /// Nothing is said of norms without a signal.
  @Test func whatIsNotResolvedFollowsNothing() {
    let series = Self.series(seed: 1, records: 40, signal: 0, noise: 64)
    var without = series
    without.squares = series.squares.map { $0.map { _ in 0 } }
    let following = NoiseFollowing([
      NoiseFollowing.Run(parts: (series, 0..<40), norms: (without, 0..<40))
    ])
    #expect(!following.factor.value.isFinite && following.words == nil)
  }

  @Test func runsWithoutItAreToldApart() {
    #expect(throws: AnalysisError.noiseNotRecorded(label: "Pre-LN")) {
      try NoiseReport(runs: [SyntheticRuns.run(values: [[1, 2]])])
    }
  }
}
