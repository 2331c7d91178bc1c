import RunData
import Statistics

/// Where a cell's runs reach the lowest held-out loss of the baseline's, and what that took of the baseline's cost.
public struct SweepCrossing: Sendable {
  /// Position of the cell.
  public let cell: Int
  /// Mean cost over the seeds that reach it, and the loss there.
  public let cost: Double
  /// The baseline's lowest loss, mean over the same seeds.
  public let loss: Double
  /// Cost at the crossing over the baseline's cost at its lowest loss.
  public let share: Estimate
  /// Seeds that reach it, and seeds that both cells have.
  public let seedsReaching: Int
  /// Seeds that both cells have.
  public let seedCount: Int
}

/// Where one run reaches the lowest held-out loss of another of its seed.
struct SeedCrossing {
  /// What the run had cost by then; nil where it does not get there.
  let cost: Double?
  /// That over what the other had cost at its lowest loss.
  let share: Double?
  /// The other's lowest loss.
  let loss: Double

  /// Nil where the other has no finite held-out loss.
  init?(
    _ run: RecordedRun, _ cell: SweepCell, of other: RecordedRun, _ base: SweepCell, _ budget: SweepBudget
  ) {
    guard let lowest = other.validation.filter({ $0.loss.isFinite }).min(by: { $0.loss < $1.loss }) else {
      return nil
    }
    loss = lowest.loss
    cost = run.validation.first { $0.loss <= lowest.loss }.map { cell.cost(ofUpdates: $0.step, in: budget) }
    share = cost.map { $0 / base.cost(ofUpdates: lowest.step, in: budget) }
  }
}

extension SweepReport {
  /// The crossings of the cells shown, other than the baseline, that reach its lowest loss with at least one seed.
  ///
  /// Read at validations: the first one at which a seed's loss is not above the lowest of the baseline's run of that
  /// seed (the green star of the paper's Figure 2).
  public var crossings: [SweepCrossing] {
    guard let reference = referenceCell else { return [] }
    return shownCells.filter { $0 != reference }.compactMap { crossing(of: $0, reference: reference) }
  }

  /// The baseline, or the best of its choice where one axis is chosen.
  var referenceCell: Int? {
    guard let baseline else { return nil }
    return chosenAxis == nil ? baseline : choices.first { $0.cells.contains(baseline) }?.best
  }

  private func crossing(of index: Int, reference: Int) -> SweepCrossing? {
    let attempts = cells[index].endedRuns.compactMap { run in
      cells[reference].endedRun(seed: run.manifest.seed).flatMap {
        SeedCrossing(run, cells[index], of: $0, cells[reference], budget)
      }
    }
    let reached = attempts.filter { $0.cost != nil }
    guard !reached.isEmpty else { return nil }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    return SweepCrossing(
      cell: index, cost: mean(reached.compactMap(\.cost)), loss: mean(reached.map(\.loss)),
      share: intervals.mean(of: reached.compactMap(\.share)), seedsReaching: reached.count,
      seedCount: attempts.count)
  }
}
