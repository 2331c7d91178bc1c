import Analysis
import ArgumentParser
import Kernels
import RunData
import Text
import Training

/// Trains every run of a plan that its folder does not hold already.
struct SweepRunner {
  let plan: SweepPlan
  let folder: OutputFolder
  let corpora: SweepCorpora
  let console: Console
  let team: Team
  let replacing: Bool
  let resuming: Bool

  /// Seeds are the outer loop: after each, all combinations can be compared.
  ///
  /// - Throws: `ExitCode` where it was interrupted.
  func run() throws {
    let executor = RunExecutor(
      team: team, console: console, replacing: replacing, resuming: resuming, keeping: 1)
    let stepsInAll = plan.cells.reduce(0) { $0 + $1.steps } * plan.seeds.count
    let runCount = plan.cells.count * plan.seeds.count
    console.progress(
      "\(plan.title): \(counted(runCount, "run")), \(stepsInAll) steps in all, in \(folder.path)")
    let view = LiveView(
      console: console, runCount: runCount, stepsInAll: stepsInAll, operation: OperationChoice.usual,
      statistic: .l1,
      selection: .paper)
    for (round, seed) in plan.seeds.enumerated() {
      for (index, cell) in plan.cells.enumerated() {
        let label = cell.values.joined(separator: ", ")
        let planned = try corpora.plan(cell.words, label: label, seed: seed, steps: cell.steps)
        view.close()
        console.progress("run \(round * plan.cells.count + index + 1) of \(runCount): \(label), seed \(seed)")
        let path = folder.file(plan.fileName(cell: index, seed: seed))
        let end = try executor.execute(planned.run, corpus: planned.corpus, path: path, view: view)
        if end == .interrupted {
          console.progress("stopped; nf-probe sweep --resume \(folder.path) goes on")
          throw ExitCode(StopSignal.exitStatus)
        }
      }
    }
    view.close()
  }
}
