import Documents
import RealModule
import RunData
import Statistics
import Text

/// What runs say to a claim.
public struct ClaimResult: Sendable {
  /// How it stands.
  public enum Verdict: String, Sendable {
    /// The whole 95 % interval keeps to the bound.
    case holds
    /// The whole interval lies outside.
    case doesNotHold = "does not hold"
    /// The interval has both sides in it, or there is none, or not every seed could be measured.
    case undecided
  }

  /// The claim in words.
  public let says: String
  /// Where it is made.
  public let source: String
  /// What was measured.
  public let measure: String
  /// What the number must keep to.
  public let bound: Claim.Bound
  /// Mean over seeds, of ratios the geometric one, with Student's t from three seeds on.
  public let effect: Estimate
  /// Seeds that were measured.
  public let seedCount: Int
  /// How it stands.
  public let verdict: Verdict
  /// What is missing, or why nothing can be said; empty where nothing is.
  public let note: String
  /// What a verdict would take, by how its interval is found; none where there is one, and where nothing can be said of it.
  public private(set) var prices: [IntervalRule: ClaimPrice] = [:]
  /// What it takes with intervals as these runs have them.
  public var price: ClaimPrice? { prices[intervals] }
  /// How the interval was found.
  public private(set) var intervals = IntervalRule.fixed

  /// Judges a number.
  ///
  /// - Parameters:
  ///   - problem: why seeds or all of it could not be measured: those that could are then no fair sample, and nothing is decided.
  ///   - remarks: what a reader should know beside.
  public init(
    says: String, source: String, measure: String, bound: Claim.Bound, effect: Estimate, seedCount: Int,
    problem: String? = nil, remarks: [String] = []
  ) {
    (self.says, self.source, self.measure, self.bound) = (says, source, measure, bound)
    (self.effect, self.seedCount) = (effect, seedCount)
    var notes = problem.map { [$0] } ?? []
    if problem == nil, let interval = effect.interval {
      verdict = bound.verdict(on: interval)
    } else {
      verdict = .undecided
      if problem == nil, seedCount < 3 {
        notes.append("an interval needs three seeds")
      } else if problem == nil, effect.interval == nil {
        notes.append("an interval that holds at every look needs four seeds")
      }
    }
    note = (notes + remarks).joined(separator: "; ")
  }

  /// Measures a claim on the cells of a sweep.
  public init(_ claim: Claim, in report: SweepReport) {
    let other = claim.against.isEmpty ? nil : report.cell(matching: claim.against)
    func result(_ effect: Estimate, _ count: Int, _ problem: String?, _ remarks: [String]) -> ClaimResult {
      ClaimResult(
        says: claim.says, source: claim.source, measure: claim.measure.rawValue, bound: claim.bound,
        effect: effect, seedCount: count, problem: problem, remarks: remarks)
    }
    guard let cell = report.cell(matching: claim.of), claim.against.isEmpty || other != nil else {
      let missing = report.cell(matching: claim.of) == nil ? claim.of : claim.against
      let values = missing.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
      self = result(.undefined, 0, "the sweep has no one cell \(values.joined(separator: ", "))", [])
      return
    }
    let samples = ClaimSamples(claim.measurement, of: cell, against: other, in: report)
    let numbers = samples.values.sorted { $0.key < $1.key }.map(\.value)
    var effect = claim.measure.mean(of: numbers, report.intervals)
    // No correlation lies beyond.
    if claim.measure == .scaleTrend, claim.against.isEmpty { effect = effect.clamped(to: -1...1) }
    let remarks = ([cell] + [other].compactMap(\.self)).flatMap { cell -> [String] in
      [
        (cell.seedsNotLearning.count, "is not learning yet", "are not learning yet"),
        (
          cell.runs.count - cell.endedRuns.count, "has not come to its end, and is left out",
          "have not come to their end, and are left out"
        ),
      ].filter { $0.0 > 0 }.map { count, one, several in
        "\(count) of \(counted(cell.runs.count, "run")) of \(cell.label) \(count == 1 ? one : several)"
      }
    }
    self = result(effect, numbers.count, samples.problem, remarks)
    intervals = report.intervals
    guard verdict == .undecided, samples.problem == nil else { return }
    let cells = Set(
      report.cellIndices(matching: claim.of)
        + (claim.against.isEmpty ? [] : report.cellIndices(matching: claim.against))
    ).sorted()
    let secondsPerSeed = cells.reduce(0) { $0 + report.secondsPerRun(cell: $1) }
    for rule in IntervalRule.allCases {
      prices[rule] = ClaimPrice(
        count: numbers.count, deviation: standardDeviation(numbers.map(claim.measure.scaled)),
        distance: claim.bound.distance(of: effect.value, on: claim.measure), rule: rule, cells: cells,
        secondsPerSeed: secondsPerSeed)
    }
  }

  /// One row a claim.
  public static func table(_ results: [ClaimResult]) -> Table {
    var table = Table(
      title: "Claims",
      columns: [
        Table.Column("claim", title: "claim", kind: .text),
        Table.Column("verdict", title: "verdict", kind: .text),
        Table.Column("measure", title: "measure", kind: .text, audience: .data),
        Table.Column("effect", title: "effect", kind: .estimate(.significant(4))),
        Table.Column("bound", title: "claimed", kind: .text),
        Table.Column("seeds", title: "n", kind: .integer),
        Table.Column("interval", title: "interval", kind: .text, audience: .unlessEmpty, priority: 2),
        Table.Column("source", title: "source", kind: .text, audience: .data),
        Table.Column("price", title: "a verdict takes", kind: .text, audience: .unlessEmpty),
        Table.Column("note", title: "", kind: .text, audience: .unlessEmpty),
      ],
      notes: [
        "holds: the whole 95 % interval over n seeds (\((results.first?.intervals ?? .fixed).words), of ratios on their logarithm) keeps to what"
          + " is claimed; does not hold: all of it lies outside; undecided: neither, too few seeds, or some seed could not be measured."
      ]
        + (results.contains { $0.price != nil }
          ? [
            "A verdict takes: seeds at which an interval as wide as theirs keeps clear of the bound, if effect and spread stay as they are."
          ]
          : []))
    for result in results {
      table.append([
        .text(result.says), .text(result.verdict.rawValue), .text(result.measure), .defined(result.effect),
        .text(result.bound.description), .integer(result.seedCount),
        .text(result.intervals == .fixed ? "" : result.intervals.rawValue), .text(result.source),
        .text(result.price?.words ?? ""), .text(result.note),
      ])
    }
    return table
  }
}

extension Claim.Bound {
  fileprivate func verdict(on interval: Interval) -> ClaimResult.Verdict {
    if contains(interval.lower), contains(interval.upper) { return .holds }
    let isOutside =
      switch self {
      case .below(let limit): interval.lower >= limit
      case .above(let limit): interval.upper <= limit
      case .between(let lower, let upper): interval.upper <= lower || interval.lower >= upper
      }
    return isOutside ? .doesNotHold : .undecided
  }
}

extension SweepReport {
  /// The cells that have these values of some axes, by position.
  func indices(with values: [String: String]) -> [Int] {
    cells.indices.filter { index in
      values.allSatisfy { axis, value in
        axes.firstIndex(of: axis).map { cells[index].values[$0] == value } ?? false
      }
    }
  }

  /// The one cell with these values of some axes; nil where there is none or more than one.
  ///
  /// Where an axis is chosen and not named, the best cell of the choice is meant.
  public func cell(matching values: [String: String]) -> SweepCell? {
    let found = indices(with: values)
    if found.count == 1 { return cells[found[0]] }
    guard let chosenAxis, values[axes[chosenAxis]] == nil else { return nil }
    let matches = choices.filter { Set(found).isSuperset(of: $0.cells) }
    return matches.count == 1 ? matches[0].best.map { cells[$0] } : nil
  }
}
