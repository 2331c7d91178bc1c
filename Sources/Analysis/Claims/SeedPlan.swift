/// Which seeds are worth making next, and what a verdict on each claim takes.
///
/// A seed goes where a verdict is nearest: to the cells of the undecided claim that the least time decides, all of them, so that seeds stay paired.
public struct SeedPlan: Sendable {
  /// Runs that are made next: one seed, in the cells that lack it.
  public struct Step: Equatable, Sendable {
    /// The claim that they are made for, by position.
    public let claim: Int
    /// The seed.
    public let seed: UInt64
    /// The cells, by position in the grid.
    public let cells: [Int]
    /// Seconds that they take.
    public let seconds: Double
  }

  /// The claims as they stand.
  public let results: [ClaimResult]
  private let report: SweepReport

  /// Judges claims on what is there.
  public init(_ claims: [Claim], in report: SweepReport) {
    self.report = report
    results = claims.map { ClaimResult($0, in: report) }
  }

  /// Undecided claims that a price is known of, by position, the nearest verdict first; those that no number of seeds decides are left out.
  public var open: [Int] {
    results.indices.filter { results[$0].price?.seconds != nil }.sorted { one, other in
      let (left, right) = (remaining(one), remaining(other))
      return left == right ? one < other : left < right
    }
  }

  /// The next runs.
  ///
  /// - Parameter seconds: what is left of the budget; a claim whose verdict takes more is not begun.
  /// - Returns: nil where all that can be decided is.
  public func next(within seconds: Double) -> Step? {
    for claim in open where remaining(claim) <= seconds {
      guard let price = results[claim].price, let step = step(for: claim, price), step.seconds <= seconds
      else {
        continue
      }
      return step
    }
    return nil
  }

  /// At least one more seed: what a guess from few seeds promises at once is one away.
  private func remaining(_ claim: Int) -> Double {
    guard let price = results[claim].price, let seconds = price.seconds else { return .infinity }
    return max(seconds, price.secondsPerSeed)
  }

  /// The first seed that one of the cells lacks.
  private func step(for claim: Int, _ price: ClaimPrice) -> Step? {
    guard !price.cells.isEmpty else { return nil }
    for seed in UInt64(0)..<UInt64(ClaimPrice.mostSeeds) {
      let cells = price.cells.filter { report.cells[$0].run(seed: seed) == nil }
      guard !cells.isEmpty else { continue }
      return Step(
        claim: claim, seed: seed, cells: cells,
        seconds: cells.reduce(0) { $0 + report.secondsPerRun(cell: $1) })
    }
    return nil
  }
}
