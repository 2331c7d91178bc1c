import Analysis
import Foundation
import Statistics
import Text

/// Adds seeds to a recipe's runs, each where a verdict is nearest, until every claim is decided or the time is out.
package struct SeedBuying {
  /// How it ended.
  package enum End: Equatable {
    /// Every claim is decided.
    case decided
    /// Some are not: nothing more can be decided in the time that was left, perhaps for lack of the seeds without which there is no interval.
    case outOfBudget(openClaims: Int, isTooFew: Bool)
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
  /// Where other processes fill the folder too, each makes the runs that no other makes: of the same seed, or of the next one that the
  /// claim needs. Whenever one has made its runs it judges what all have made by then.
  ///
  /// - Parameters:
  ///   - plan: the sweep's, in which added seeds are noted, also in its folder, before their runs are made.
  ///   - judge: reads what the folder holds.
  package func run(_ plan: inout SweepPlan, judge: (SweepPlan) throws -> SweepReport) throws -> End {
    try change(&plan) { $0.beginAdding() }
    var attempted: Set<[UInt64]> = []
    while true {
      let seeds = SeedPlan(claims, in: try judge(plan))
      let open = seeds.results.count { $0.verdict == .undecided }
      guard open > 0 else { return .decided }
      let steps = seeds.steps(within: remaining)
      guard !steps.isEmpty else {
        return .outOfBudget(
          openClaims: open,
          isTooFew: seeds.results.contains {
            $0.verdict == .undecided && $0.seedCount < IntervalRule.anytime.fewestSeeds
          })
      }
      var made: [Int] = []
      for step in steps where made.isEmpty {
        // A command that fails leaves its run missing, and would be asked for it again and again.
        guard !step.cells.contains(where: { attempted.contains([step.seed, UInt64($0)]) }) else {
          return .stuck(openClaims: open)
        }
        var isTold = false
        let addition = try runner.add(seed: step.seed, in: step.cells) {
          guard !isTold else { return }
          isTold = true
          tell(step, open)
          try change(&plan) { $0.add(seed: step.seed) }
        }
        guard case .made(let cells) = addition else { return .interrupted }
        made = cells
        attempted.formUnion(cells.map { [step.seed, UInt64($0)] })
      }
      if made.isEmpty {
        guard host.rest() else { return .interrupted }
      }
      if runner.isShared { try change(&plan) { _ in } }
    }
  }

  private func tell(_ step: SeedPlan.Step, _ openClaims: Int) {
    host.note(
      "\(counted(openClaims, "claim")) undecided, \(ClaimPrice.time(remaining)) left; seed \(step.seed) for: \(claims[step.claim].says)"
    )
  }

  /// Changes the plan here and in the folder.
  private func change(_ plan: inout SweepPlan, _ change: (inout SweepPlan) -> Void) throws {
    guard !runner.isShared else { return plan = try SharedSweep.change(in: folder, change) }
    change(&plan)
    try plan.write(into: folder)
  }

  private var remaining: Double { max(0, budget - start.duration(to: .now) / .seconds(1)) }
}
