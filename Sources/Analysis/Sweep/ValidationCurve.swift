import RealModule
import RunData

/// Held-out perplexities of a cell, or their ratios to another's, over cost: geometric mean and range over seeds.
struct ValidationCurve {
  /// Cost in the sweep's budget, ascending.
  private(set) var cost: [Double] = []
  private(set) var mean: [Double] = []
  private(set) var lowest: [Double] = []
  private(set) var highest: [Double] = []
  /// Seeds that the numbers are over.
  let seedCount: Int
  /// Whether numbers of the other cell lie between two of its validations.
  private(set) var isInterpolated = false

  /// Perplexity at the validations that all runs have; nil without any.
  init?(_ cell: SweepCell, budget: SweepBudget) {
    seedCount = cell.runs.count
    let losses = cell.runs.map(Self.losses)
    for step in losses.first?.keys.sorted() ?? [] {
      append(losses.map { $0[step] }, at: cell.cost(ofUpdates: step, in: budget))
    }
    guard !cost.isEmpty else { return nil }
  }

  /// The ratio to another cell's perplexity at equal cost, on paired seeds; nil without any.
  ///
  /// Where the other was not validated at a cost, its loss is interpolated between the validations before and after, linearly in the
  /// logarithm of cost. Budgets are whole steps: less than a step beyond its end, its last validation is taken.
  init?(_ cell: SweepCell, over other: SweepCell, budget: SweepBudget) {
    let pairs = cell.runs.compactMap { run in
      other.run(seed: run.manifest.seed).map { (own: Self.losses(run), base: Self.losses($0)) }
    }
    seedCount = pairs.count
    let curves = pairs.map { pair in
      pair.base.sorted { $0.key < $1.key }.map { (cost: other.cost(ofUpdates: $0, in: budget), loss: $1) }
    }
    let step = max(cell.cost(ofUpdates: 1, in: budget), other.cost(ofUpdates: 1, in: budget))
    for update in pairs.first?.own.keys.sorted() ?? [] {
      let place = cell.cost(ofUpdates: update, in: budget)
      let differences = zip(pairs, curves).map { pair, curve -> Double? in
        guard let own = pair.own[update] else { return nil }
        return Self.loss(of: curve, at: place, slack: step).map { own - $0 }
      }
      if append(differences, at: place) {
        isInterpolated = isInterpolated || !curves.allSatisfy { $0.contains { $0.cost == place } }
      }
    }
    guard !cost.isEmpty else { return nil }
  }

  private static func losses(_ run: RecordedRun) -> [Int: Double] {
    Dictionary(run.validation.map { ($0.step, $0.loss) }, uniquingKeysWith: { $1 })
  }

  /// Nil outside of what was validated.
  private static func loss(
    of curve: [(cost: Double, loss: Double)], at cost: Double, slack: Double
  ) -> Double? {
    guard let after = curve.firstIndex(where: { $0.cost >= cost }) else {
      return curve.last.flatMap { cost - $0.cost < slack ? $0.loss : nil }
    }
    let (upper, isMet) = (curve[after], curve[after].cost == cost)
    guard !isMet else { return upper.loss }
    guard after > 0, curve[after - 1].cost > 0 else { return nil }
    let lower = curve[after - 1]
    let share = Double.log10(cost / lower.cost) / Double.log10(upper.cost / lower.cost)
    return lower.loss + share * (upper.loss - lower.loss)
  }

  /// Adds losses of all seeds, or their differences; nothing where one is missing.
  @discardableResult
  private mutating func append(_ losses: [Double?], at place: Double) -> Bool {
    let values = losses.compactMap(\.self)
    guard values.count == losses.count, !values.isEmpty else { return false }
    cost.append(place)
    mean.append(Double.exp(values.reduce(0, +) / Double(values.count)))
    lowest.append(Double.exp(values.min() ?? .nan))
    highest.append(Double.exp(values.max() ?? .nan))
    return true
  }
}
