import Randomness
import RealModule
import RunData
import Statistics
import Testing

@testable import Analysis

/// Intervals that hold at every look, what a verdict takes, and where the next seed goes.
@Suite struct SeedPlanTests {
  /// 20,000 sequences of 100 normal numbers: the share of which the interval leaves the mean at some number of samples, ever. A fixed-sample
  /// interval looked at as often does so in a third of them.
  @Test func theIntervalHoldsAtEveryLook() {
    let generator = Philox(seed: 11, stream: "looks")
    let sequences = 20_000
    var (wrong, wrongOfFixed) = (0, 0)
    let reaches = [IntervalRule.anytime, .fixed].map { rule in
      (0...100).map { $0 < 2 ? .infinity : rule.reach(count: $0) }
    }
    for sequence in 0..<sequences {
      var (count, mean, squares) = (0.0, 0.0, 0.0)
      var (isWrong, isWrongOfFixed) = (false, false)
      for sample in 0..<100 {
        let value = 3 + 0.5 * generator.normal(at: UInt64(sequence * 100 + sample))
        count += 1
        let distance = value - mean
        mean += distance / count
        squares += distance * (value - mean)
        guard count > 1 else { continue }
        let deviation = (squares / (count - 1)).squareRoot()
        isWrong = isWrong || abs(mean - 3) > reaches[0][sample + 1] * deviation
        isWrongOfFixed = isWrongOfFixed || abs(mean - 3) > reaches[1][sample + 1] * deviation
      }
      if isWrong { wrong += 1 }
      if isWrongOfFixed { wrongOfFixed += 1 }
    }
    let (share, ofFixed) = (Double(wrong) / Double(sequences), Double(wrongOfFixed) / Double(sequences))
    #expect(share <= 0.05, "\(share)")
    // It is not empty talk: with fewer looks to come it is nearly used up, and the fixed interval fails far more often.
    #expect(share > 0.01 && ofFixed > 0.2, "\(share), \(ofFixed)")
  }

  /// The ends are the means at which the martingale is 1/α = 20, by its own formula.
  @Test func theEndsAreWhereTheMartingaleIsTwenty() throws {
    let samples = [0.3, 1.4, 0.9, 1.1, 0.2, 0.8, 1.0]
    let interval = try #require(ConfidenceSequence.interval(of: samples))
    let n = Double(samples.count)
    let mean = samples.reduce(0, +) / n
    let variance = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
    for end in [interval.lower, interval.upper] {
      let square = (mean - end) * (mean - end) * n / variance
      let k = 1 + 4 * n
      let martingale =
        Double.pow((1 + square / (n - 1)) / (1 + square / (k * (n - 1))), n / 2) / k.squareRoot()
      #expect(abs(martingale / 20 - 1) < 1e-9)
    }
    #expect(
      ConfidenceSequence.interval(of: [1, 2, 3]) == nil && IntervalRule.anytime.mean(of: []).value.isNaN)
    // Wider than an interval that is looked at once, and narrowing.
    for count in 4..<60 {
      #expect(IntervalRule.anytime.reach(count: count) > IntervalRule.fixed.reach(count: count))
      #expect(IntervalRule.anytime.reach(count: count + 1) < IntervalRule.anytime.reach(count: count))
    }
  }

  private func run(_ model: String, seed: UInt64, loss: Double, seconds: Double) -> RecordedRun {
    var run = SyntheticRuns.run(
      values: [Array(repeating: 1, count: 10), Array(repeating: 1, count: 10)], architecture: model,
      seed: seed,
      loss: Array(repeating: loss, count: 10), configuration: "{}")
    run.validation = [ValidationRecord(step: 10, loss: loss)]
    run.seconds = Array(repeating: seconds, count: 10)
    return run
  }

  /// Cells `a`, `b` and `c` of losses 2, 2 + `gap` and 2 + `gap`/50, each seed off by as much as its own noise.
  private func report(seeds: Int, gap: Double, rule: IntervalRule = .anytime) -> SweepReport {
    let generator = Philox(seed: 5, stream: "losses")
    let cells = [("a", 0.0, 1.0), ("b", gap, 2), ("c", gap / 50, 4)].enumerated().map { index, cell in
      SweepCell(
        values: [cell.0],
        runs: (0..<seeds).map { seed in
          run(
            cell.0, seed: UInt64(seed),
            loss: 2 + cell.1 + 0.01 * generator.normal(at: UInt64(index * 1000 + seed)), seconds: cell.2)
        }, plannedSteps: 10, operationsPerStep: 1, timedSecondsPerStep: nil)
    }
    return SweepReport(
      title: "t", axes: ["model"], cells: cells, budget: .steps, seeds: (0..<seeds).map(UInt64.init),
      baseline: 0,
      chosenAxis: nil, intervals: rule)
  }

  private func claim(_ of: String, _ bound: Claim.Bound = .above(1)) -> Claim {
    Claim(
      says: of, source: "p",
      measurement: Measurement(.perplexity, of: ["model": of], against: ["model": "a"]), bound: bound)
  }

  @Test func aVerdictHasAPrice() throws {
    let result = ClaimResult(claim("b"), in: report(seeds: 4, gap: 0.02))
    let price = try #require(result.price)
    #expect(result.verdict == .undecided && price.cells == [0, 1] && price.count == 4)
    // Ten steps of one second and ten of two.
    #expect(abs(price.secondsPerSeed - 30) < 1e-9)
    let seeds = try #require(price.seeds)
    let numbers = (0..<4).map { seed -> Double in
      let cells = report(seeds: 4, gap: 0.02).cells
      return (cells[1].finalLosses[UInt64(seed)] ?? 0) - (cells[0].finalLosses[UInt64(seed)] ?? 0)
    }
    let mean = numbers.reduce(0, +) / 4
    let deviation = (numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 3).squareRoot()
    #expect(IntervalRule.anytime.reach(count: seeds) * deviation < abs(mean))
    #expect(IntervalRule.anytime.reach(count: seeds - 1) * deviation >= abs(mean))
    #expect(price.words.contains("more seed"))
    // One that is decided has none.
    #expect(ClaimResult(claim("b"), in: report(seeds: 8, gap: 1)).price == nil)
    // An effect at the bound cannot be bought; an equivalence is nearer.
    let equal = report(seeds: 6, gap: 0)
    let between = ClaimResult(claim("b", .between(0.9, 1.1)), in: equal)
    #expect(between.verdict == .holds)
    #expect(
      ClaimPrice.time(40) == "40 s" && ClaimPrice.time(600) == "10 min" && ClaimPrice.time(7200) == "2 h")
  }

  @Test func theNextSeedGoesWhereAVerdictIsNearest() throws {
    let plan = SeedPlan([claim("c"), claim("b")], in: report(seeds: 4, gap: 0.02))
    let steps = plan.steps(within: 1e9)
    let step = try #require(steps.first)
    #expect(step.claim == 1 && step.seed == 4 && step.cells == [0, 1] && abs(step.seconds - 30) < 1e-9)
    // Nothing is begun that cannot be finished.
    #expect(plan.steps(within: 29).isEmpty)
    #expect(SeedPlan([claim("b")], in: report(seeds: 9, gap: 1)).steps(within: 1e9).isEmpty)
    // For processes that find a seed in other hands: those that follow, as many as the verdict takes.
    let price = try #require(plan.results[1].price)
    #expect(steps.filter { $0.claim == 1 }.map(\.seed) == (4..<UInt64(price.seeds ?? 0)).map { $0 })
  }
}
