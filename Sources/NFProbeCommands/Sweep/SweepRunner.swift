import Analysis
import ArgumentParser
import Foundation
import Kernels
import RunData
import RunFile
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

  /// The share of a process among several that fill the folder; nil for one that has it for itself.
  var shard: SweepShard?

  private struct Run {
    let number: Int
    let cell: Int
    let seed: UInt64
  }

  /// Seeds are the outer loop: after each, all combinations can be compared.
  ///
  /// - Returns: runs that other processes are making.
  /// - Throws: `ExitCode` where it was interrupted.
  @discardableResult
  func run() throws -> Int {
    let executor = RunExecutor(
      team: team, console: console, replacing: replacing, resuming: resuming, keeping: 1)
    let stepsInAll = plan.cells.reduce(0) { $0 + $1.steps } * plan.seeds.count
    let runs = plan.seeds.enumerated().flatMap { round, seed in
      plan.cells.indices.map { Run(number: round * plan.cells.count + $0 + 1, cell: $0, seed: seed) }
    }
    console.progress(
      "\(plan.title): \(counted(runs.count, "run")), \(stepsInAll) steps in all, in \(folder.path)")
    let view = LiveView(
      console: console, runCount: runs.count, stepsInAll: stepsInAll, operation: OperationChoice.usual,
      statistic: .l1,
      selection: .paper)
    defer { view.close() }
    guard let shard else {
      for run in runs { try make(run, of: runs.count, executor, view) }
      return 0
    }
    return try makeShare(shard.ordered(runs), of: runs.count, executor, view)
  }

  /// Makes what nobody else makes, again and again for as long as there is something: a process that died leaves its run behind.
  private func makeShare(
    _ runs: [Run], of count: Int, _ executor: RunExecutor, _ view: LiveView
  ) throws -> Int {
    var left = runs
    while true {
      var claimed: [Run] = []
      for run in left {
        let path = folder.file(plan.fileName(cell: run.cell, seed: run.seed))
        guard
          let claim = try RunClaim(run: path, holder: "process \(ProcessInfo.processInfo.processIdentifier)")
        else {
          claimed.append(run)
          continue
        }
        try withExtendedLifetime(claim) { try make(run, of: count, executor, view) }
      }
      guard !claimed.isEmpty, claimed.count < left.count else { return claimed.count }
      left = claimed
    }
  }

  private func make(_ run: Run, of count: Int, _ executor: RunExecutor, _ view: LiveView) throws {
    let cell = plan.cells[run.cell]
    let label = cell.values.joined(separator: ", ")
    let planned = try corpora.plan(cell.words, label: label, seed: run.seed, steps: cell.steps)
    view.close()
    console.progress("run \(run.number) of \(count): \(label), seed \(run.seed)")
    let path = folder.file(plan.fileName(cell: run.cell, seed: run.seed))
    let end = try executor.execute(planned.run, corpus: planned.corpus, path: path, view: view)
    if end == .interrupted {
      console.progress("stopped; nf-probe sweep --resume \(folder.path) goes on")
      throw ExitCode(StopSignal.exitStatus)
    }
  }
}
