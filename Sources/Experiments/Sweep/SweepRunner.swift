import Foundation
import Kernels
import RunFile
import Text
import Training

/// Trains every run of a plan that its folder does not hold already.
package struct SweepRunner {
  /// How the work on a sweep ended.
  package enum End: Equatable {
    /// All runs are made but so many that other processes are making.
    case made(left: Int)
    /// Somebody stopped it.
    case interrupted
  }

  private let plan: SweepPlan
  private let folder: String
  private let corpora: SweepCorpora
  private let host: any RunHost
  private let executor: RunExecutor
  private let shard: SweepShard?
  private let commands: CommandRuns

  /// - Parameters:
  ///   - folder: where the run files lie.
  ///   - replacing: whether files of other runs are replaced.
  ///   - resuming: whether runs that were begun go on.
  ///   - shard: the share of a process among several that fill the folder; nil for one that has it for itself.
  package init(
    _ plan: SweepPlan, folder: String, threadCount: Int, host: any RunHost, replacing: Bool, resuming: Bool,
    shard: SweepShard? = nil
  ) {
    self.plan = plan
    self.folder = folder
    self.host = host
    self.shard = shard
    commands = CommandRuns(host: host)
    corpora = SweepCorpora(threadCount: threadCount)
    executor = RunExecutor(
      team: Team(threadCount: threadCount), host: host, replacing: replacing, resuming: resuming, keeping: 1)
  }

  private struct Run {
    let number: Int
    let cell: Int
    let seed: UInt64
  }

  /// What became of runs that a command did not make, in words.
  package var failures: [String] { commands.failures }

  /// Whether other processes fill the folder, too.
  package var isShared: Bool { shard != nil }

  /// Makes the runs of the seeds that every cell gets. Seeds are the outer loop: after each, all combinations can be compared.
  ///
  /// - Parameter isWaiting: whether to wait for those that other processes are making; one that dies leaves its run to be made here.
  package func run(waiting isWaiting: Bool = false) throws -> End {
    let seeds = plan.wholeSeeds
    let stepsInAll = plan.cells.reduce(0) { $0 + $1.steps } * seeds.count
    let runs = seeds.enumerated().flatMap { round, seed in
      plan.cells.indices.map { Run(number: round * plan.cells.count + $0 + 1, cell: $0, seed: seed) }
    }
    host.note("\(plan.title): \(counted(runs.count, "run")), \(stepsInAll) steps in all, in \(folder)")
    host.expects(runCount: runs.count, stepsInAll: stepsInAll)
    defer { host.settle() }
    // Of seeds that were added to some cells, those that were begun go on.
    for seed in plan.seeds where !seeds.contains(seed) {
      let begun = plan.cells.indices.filter { cell in
        FileManager.default.fileExists(atPath: path(of: Run(number: 0, cell: cell, seed: seed)))
      }
      guard try add(seed: seed, in: begun) != .interrupted else { return .interrupted }
    }
    if let shard { return try makeShare(shard.ordered(runs), of: runs.count, waiting: isWaiting) }
    for run in runs {
      guard try make(run, of: runs.count) else { return .interrupted }
    }
    return .made(left: 0)
  }

  /// What became of one more seed's runs.
  package enum Addition: Equatable {
    /// Those of these cells are made; the others are in other hands.
    case made(cells: [Int])
    /// Somebody stopped it.
    case interrupted
  }

  /// Makes one more seed's runs in those of the cells in which nobody else makes them.
  ///
  /// - Parameter began: called before each run that is made here.
  package func add(seed: UInt64, in cells: [Int], began: () throws -> Void = {}) throws -> Addition {
    host.expects(runCount: cells.count, stepsInAll: cells.reduce(0) { $0 + plan.cells[$1].steps })
    defer { host.settle() }
    var made: [Int] = []
    for (place, cell) in cells.enumerated() {
      let run = Run(number: place + 1, cell: cell, seed: seed)
      switch try makeIfFree(run, of: cells.count, began: began) {
      case nil: continue
      case true?: made.append(cell)
      case false?: return .interrupted
      }
    }
    return .made(cells: made)
  }

  /// Makes what nobody else makes, again and again for as long as there is something: a process that died leaves its run behind.
  private func makeShare(_ runs: [Run], of count: Int, waiting isWaiting: Bool) throws -> End {
    var left = runs
    while true {
      var claimed: [Run] = []
      for run in left {
        switch try makeIfFree(run, of: count) {
        case nil: claimed.append(run)
        case true?: continue
        case false?: return .interrupted
        }
      }
      if claimed.count == left.count {
        guard isWaiting, !claimed.isEmpty else { return .made(left: claimed.count) }
        guard host.rest() else { return .interrupted }
      }
      left = claimed
    }
  }

  /// Makes a run; nil where another process makes it, false where this one was interrupted.
  private func makeIfFree(_ run: Run, of count: Int, began: () throws -> Void = {}) throws -> Bool? {
    let claim = shard == nil ? nil : try RunClaim(run: path(of: run), holder: SweepShard.holder)
    guard shard == nil || claim != nil else { return nil }
    return try withExtendedLifetime(claim) {
      try began()
      return try make(run, of: count)
    }
  }

  /// Makes a run; false where it was interrupted.
  private func make(_ run: Run, of count: Int) throws -> Bool {
    let cell = plan.cells[run.cell]
    let label = cell.values.joined(separator: ", ")
    if let command = plan.command {
      host.settle()
      host.note("run \(run.number) of \(count): \(label), seed \(run.seed)")
      let path = path(of: run)
      return try commands.make(
        plan.command(command, cell: run.cell, seed: run.seed, path: path), label: label, seed: run.seed,
        path: path)
    }
    let planned = try corpora.plan(cell.settings, label: label, seed: run.seed, steps: cell.steps)
    host.settle()
    host.note("run \(run.number) of \(count): \(label), seed \(run.seed)")
    return try executor.execute(planned.run, corpus: planned.corpus, path: path(of: run)) != .interrupted
  }

  private func path(of run: Run) -> String { "\(folder)/\(plan.fileName(cell: run.cell, seed: run.seed))" }
}
