import Analysis
import Kernels
import Text

/// Decides a sweep: what each combination trains, for how many steps.
struct SweepPlanner {
  let machine: MachineOptions
  let console: Console

  /// - Parameters:
  ///   - budget: instead of the file's.
  ///   - seconds: training time of every run, with the budget of seconds; nil for the baseline's.
  ///   - seedCount: seeds from 0 on instead of the file's.
  func plan(
    _ file: SweepFile, budget: SweepBudget? = nil, seconds: Double? = nil, seedCount: Int? = nil
  ) throws -> SweepPlan {
    let corpora = SweepCorpora(machine: machine)
    let seeds = seedCount.map { (0..<UInt64($0)).map { $0 } } ?? file.seeds
    let budget = budget ?? file.budget
    let planned = try file.combinations.map { cell in
      try corpora.plan(cell.words, label: cell.values.joined(separator: ", "), seed: seeds[0])
    }
    var plan = SweepPlan(
      file, budget: budget, seeds: seeds, threads: machine.threadCount, plans: planned.map(\.run))
    StopSignal.watch()
    if budget == .seconds {
      console.progress("timing steps of \(counted(plan.cells.count, "combination")), in turn")
      let timing = StepTiming(team: Team(threadCount: machine.threadCount))
      for (index, seconds) in try timing.seconds(of: planned).enumerated() {
        plan.cells[index].secondsPerStep = seconds
      }
    }
    try plan.allot(seconds: seconds)
    return plan
  }
}
