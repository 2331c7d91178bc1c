import RunData

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
    let (cell, base) = (cells[index], cells[reference])
    var shares: [Double] = []
    var costs: [Double] = []
    var losses: [Double] = []
    var shared = 0
    for run in cell.runs {
      guard let other = base.runs.first(where: { $0.manifest.seed == run.manifest.seed }),
        let lowest = other.validation.filter({ $0.loss.isFinite }).min(by: { $0.loss < $1.loss })
      else { continue }
      shared += 1
      guard let reached = run.validation.first(where: { $0.loss <= lowest.loss }) else { continue }
      costs.append(cell.cost(ofUpdates: reached.step, in: budget))
      shares.append(costs[costs.count - 1] / base.cost(ofUpdates: lowest.step, in: budget))
      losses.append(lowest.loss)
    }
    guard !shares.isEmpty else { return nil }
    let count = Double(shares.count)
    return SweepCrossing(
      cell: index, cost: costs.reduce(0, +) / count, loss: losses.reduce(0, +) / count,
      share: Estimate.mean(of: shares), seedsReaching: shares.count, seedCount: shared)
  }
}
