import Analysis
import Kernels
import Text

/// Decides a sweep: what each combination trains, for how many steps.
package struct SweepPlanner {
  private let threadCount: Int
  private let host: any RunHost

  package init(threadCount: Int, host: any RunHost) {
    self.threadCount = threadCount
    self.host = host
  }

  /// Decides a sweep.
  ///
  /// - Parameters:
  ///   - budget: instead of the file's.
  ///   - seconds: training time of every run, with the budget of seconds; nil for the baseline's.
  ///   - seedCount: seeds from 0 on instead of the file's.
  package func plan(
    _ file: SweepFile, budget: SweepBudget? = nil, seconds: Double? = nil, seedCount: Int? = nil
  ) throws -> SweepPlan {
    let corpora = SweepCorpora(threadCount: threadCount)
    let seeds = seedCount.map { (0..<UInt64($0)).map { $0 } } ?? file.seeds
    if let command = file.command {
      guard budget == nil || budget == .steps, seconds == nil else {
        throw ExperimentError.refused("\(setting: "budget"): a command's steps are its own")
      }
      return SweepPlan(file, command: command, seeds: seeds, threads: threadCount)
    }
    let budget = budget ?? file.budget
    let planned = try file.combinations.map { cell in
      try corpora.plan(cell.settings, label: cell.values.joined(separator: ", "), seed: seeds[0])
    }
    var plan = SweepPlan(
      file, budget: budget, seeds: seeds, threads: threadCount, plans: planned.map(\.run))
    host.attend()
    if budget == .seconds {
      host.note("timing steps of \(counted(plan.cells.count, "combination")), in turn")
      let timing = StepTiming(team: Team(threadCount: threadCount), host: host)
      for (index, seconds) in try timing.seconds(of: planned).enumerated() {
        plan.cells[index].secondsPerStep = seconds
      }
    }
    try plan.allot(seconds: seconds)
    return plan
  }
}
