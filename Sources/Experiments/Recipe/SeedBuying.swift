import Analysis
import Foundation
import Text

/// Adds seeds to a recipe's runs, each where a verdict is nearest, until every claim is decided or the time is out.
package struct SeedBuying {
  /// How it ended.
  package enum End: Equatable {
    /// Every claim is decided.
    case decided
    /// Some are not: nothing more can be decided in the time that was left.
    case outOfBudget(openClaims: Int)
    /// Runs that a verdict needs could not be made.
    case stuck(openClaims: Int)
    /// Somebody stopped it.
    case interrupted
  }

  private let claims: [Claim]
  private let folder: String
  private let runner: SweepRunner
  private let host: any RunHost
  private let budget: Double
  private let start = ContinuousClock.now

  /// - Parameters:
  ///   - claims: what is to be decided.
  ///   - folder: that of the runs.
  ///   - budget: seconds from now on.
  package init(_ claims: [Claim], folder: String, runner: SweepRunner, host: any RunHost, budget: Double) {
    self.claims = claims
    self.folder = folder
    self.runner = runner
    self.host = host
    self.budget = budget
  }

  /// Adds seeds.
  ///
  /// - Parameters:
  ///   - plan: the sweep's, in which added seeds are noted, also in its folder, before their runs are made.
  ///   - judge: reads what the folder holds.
  package func run(_ plan: inout SweepPlan, judge: (SweepPlan) throws -> SweepReport) throws -> End {
    plan.beginAdding()
    try plan.write(into: folder)
    var previous: SeedPlan.Step?
    while true {
      let seeds = SeedPlan(claims, in: try judge(plan))
      let open = seeds.results.count { $0.verdict == .undecided }
      guard open > 0 else { return .decided }
      guard let step = seeds.next(within: remaining) else { return .outOfBudget(openClaims: open) }
      // A command that fails leaves its run missing, and would be asked for it again and again.
      guard step.seed != previous?.seed || step.cells != previous?.cells else {
        return .stuck(openClaims: open)
      }
      previous = step
      host.note(
        "\(counted(open, "claim")) undecided, \(ClaimPrice.time(remaining)) left; seed \(step.seed) for: \(claims[step.claim].says)"
      )
      plan.add(seed: step.seed)
      try plan.write(into: folder)
      guard try runner.add(seed: step.seed, in: step.cells) else { return .interrupted }
    }
  }

  private var remaining: Double { max(0, budget - start.duration(to: .now) / .seconds(1)) }
}
