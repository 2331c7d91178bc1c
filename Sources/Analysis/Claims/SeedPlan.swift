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

  /// The next runs, the first one first; those after it are for processes that find it in other hands.
  ///
  /// - Parameter seconds: what is left of the budget; a claim whose verdict takes more is not begun.
  /// - Returns: for each claim as many seeds as its verdict takes; none where all that can be decided is.
  public func steps(within seconds: Double) -> [Step] {
    open.filter { remaining($0) <= seconds }.flatMap { claim -> [Step] in
      guard let price = results[claim].price else { return [] }
      return steps(for: claim, price).filter { $0.seconds <= seconds }
    }
  }

  /// At least one more seed: what a guess from few seeds promises at once is one away.
  private func remaining(_ claim: Int) -> Double {
    guard let price = results[claim].price, let seconds = price.seconds else { return .infinity }
    return max(seconds, price.secondsPerSeed)
  }

  /// The first seeds that one of the cells lacks.
  private func steps(for claim: Int, _ price: ClaimPrice) -> [Step] {
    let seeds = UInt64(0)..<UInt64(ClaimPrice.mostSeeds)
    let lacking = seeds.lazy.compactMap { seed -> Step? in
      let cells = price.cells.filter { report.cells[$0].endedRun(seed: seed) == nil }
      return cells.isEmpty
        ? nil
        : Step(
          claim: claim, seed: seed, cells: cells,
          seconds: cells.reduce(0) { $0 + report.secondsPerRun(cell: $1) })
    }
    return Array(lacking.prefix(max(1, price.moreSeeds ?? 1)))
  }
}
