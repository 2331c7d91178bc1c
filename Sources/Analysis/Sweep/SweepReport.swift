import RealModule
import RunData
import Statistics

/// A grid of runs read as one: which combination reaches which held-out perplexity, at what cost.
///
/// Losses are compared on paired seeds: one seed has the same batches, and the same initial values of what the
/// architectures share, in every cell.
public struct SweepReport: Sendable {
  /// What the grid is called.
  public let title: String
  /// What is varied.
  public let axes: [String]
  /// Every combination, in the grid's order.
  public let cells: [SweepCell]
  /// What all cells were given the same amount of.
  public let budget: SweepBudget
  /// The cell that others are compared with.
  public let baseline: Int?
  /// The axis of which each combination of the others keeps its best value, e.g. the learning rate.
  public let chosenAxis: Int?
  /// The seeds of every cell.
  public let seeds: [UInt64]
  /// How intervals over seeds are found: whether their number was decided beforehand.
  public let intervals: IntervalRule

  /// Creates a report.
  /// - Parameters:
  ///   - baseline: position of the cell that others are compared with.
  ///   - chosenAxis: position in `axes`.
  public init(
    title: String, axes: [String], cells: [SweepCell], budget: SweepBudget, seeds: [UInt64], baseline: Int?,
    chosenAxis: Int?, intervals: IntervalRule = .fixed
  ) {
    self.title = title
    self.axes = axes
    self.cells = cells
    self.budget = budget
    self.seeds = seeds
    self.baseline = baseline
    self.chosenAxis = chosenAxis
    self.intervals = intervals
  }

  /// `final held-out loss`, or of how many validations it is the mean.
  var finalLossWords: String {
    let count = cells.first?.averagedValidations ?? 1
    return count == 1 ? "final held-out loss" : "of each run's last \(count) held-out losses"
  }

  /// Final held-out perplexity of a cell: e to the mean loss over seeds, i.e. their geometric mean; from three seeds on with
  /// Student's t on the loss.
  public func perplexity(of cell: SweepCell) -> Estimate {
    intervals.mean(of: cell.finalLosses.sorted { $0.key < $1.key }.map(\.value)).mapped { Double.exp($0) }
  }

  /// A cell's perplexity over another's, on the seeds that both finished.
  public func ratio(of cell: SweepCell, to other: SweepCell) -> Estimate {
    let (own, theirs) = (cell.finalLosses, other.finalLosses)
    let differences = own.keys.sorted().compactMap { seed in
      own[seed].flatMap { loss in theirs[seed].map { loss - $0 } }
    }
    return intervals.mean(of: differences).mapped { Double.exp($0) }
  }

  // MARK: - The best value of an axis

  /// One combination of the other axes, and its best value of the chosen one.
  public struct Choice: Sendable {
    /// Positions of the cells, in the grid's order of the chosen axis.
    public let cells: [Int]
    /// The position of the best cell; nil where no cell has a final loss.
    public let best: Int?
    /// Whether the best value is the first or last that was tried, so that a better one may lie outside.
    public let isAtEdge: Bool
  }

  /// The best value of the chosen axis for each combination of the others; empty without a chosen axis. Cells whose rate rises
  /// until training fails are no candidates.
  public var choices: [Choice] {
    guard let chosenAxis else { return [] }
    var order: [[String]] = []
    var members: [[String]: [Int]] = [:]
    for (index, cell) in cells.enumerated() where !cell.hasRisingRate {
      var rest = cell.values
      rest.remove(at: chosenAxis)
      if members[rest] == nil { order.append(rest) }
      members[rest, default: []].append(index)
    }
    return order.map { key in
      let own = members[key] ?? []
      let best = own.filter { !perplexity(of: cells[$0]).value.isNaN }
        .min { perplexity(of: cells[$0]).value < perplexity(of: cells[$1]).value }
      return Choice(
        cells: own, best: best, isAtEdge: own.count > 1 && (best == own.first || best == own.last))
    }
  }

  /// The number of the chosen axis with the lowest final loss of a seed, among the cells that differ from `cell` in nothing else;
  /// nil where the axis is not of numbers, or any of the cells lacks the seed's run to its end.
  func bestValue(near cell: SweepCell, seed: UInt64) -> Double? {
    guard let chosenAxis else { return nil }
    func rest(_ cell: SweepCell) -> [String] {
      cell.values.enumerated().filter { $0.offset != chosenAxis }.map(\.element)
    }
    let own = cells.filter { rest($0) == rest(cell) && !$0.hasRisingRate }
    guard own.allSatisfy({ $0.endedRun(seed: seed) != nil }) else { return nil }
    let losses = own.compactMap { cell in cell.finalLosses[seed].map { (cell, $0) } }
    return losses.min { $0.1 < $1.1 }.flatMap { Double($0.0.values[chosenAxis]) }
  }

  /// The cells that a figure over training shows: the best of each choice, or all.
  var shownCells: [Int] { chosenAxis == nil ? Array(cells.indices) : choices.compactMap(\.best) }
}
