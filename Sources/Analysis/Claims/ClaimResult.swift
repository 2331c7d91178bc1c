import RunData

/// What runs say to a claim.
public struct ClaimResult: Sendable {
  /// How it stands.
  public enum Verdict: String, Sendable {
    /// The whole 95 % interval keeps to the bound.
    case holds
    /// The whole interval lies outside.
    case doesNotHold = "does not hold"
    /// The interval has both sides in it, or there is none.
    case undecided
  }

  /// What was claimed.
  public let claim: Claim
  /// Mean over seeds, of ratios the geometric one, with Student's t from three seeds on.
  public let effect: Estimate
  /// Seeds that were measured.
  public let seedCount: Int
  /// How it stands.
  public let verdict: Verdict
  /// What is missing, or why nothing can be said; empty where nothing is.
  public let note: String

  /// Measures a claim on the cells of a sweep.
  public init(_ claim: Claim, in report: SweepReport) {
    self.claim = claim
    let other = claim.against.isEmpty ? nil : report.cell(matching: claim.against)
    guard let cell = report.cell(matching: claim.of), claim.against.isEmpty || other != nil else {
      let missing = report.cell(matching: claim.of) == nil ? claim.of : claim.against
      let values = missing.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
      (effect, seedCount, verdict) = (.undefined, 0, .undecided)
      note = "the sweep has no one cell \(values.joined(separator: ", "))"
      return
    }
    let samples = ClaimSamples(claim, of: cell, against: other)
    let numbers = samples.values.sorted { $0.key < $1.key }.map(\.value)
    effect =
      claim.measure.isRatio
      ? Estimate.mean(of: numbers.map { commonLogarithm($0) }).mapped(powerOfTen) : Estimate.mean(of: numbers)
    seedCount = numbers.count
    var notes = samples.problem.map { [$0] } ?? []
    if let interval = effect.interval {
      let inside = claim.bound.contains(interval.lower) && claim.bound.contains(interval.upper)
      verdict = inside ? .holds : Self.isOutside(interval, claim.bound) ? .doesNotHold : .undecided
    } else {
      verdict = .undecided
      if numbers.count < 3 { notes.append("an interval needs three seeds") }
    }
    let notLearning = cell.seedsNotLearning.count
    if notLearning > 0 { notes.append("\(notLearning) of \(cell.runs.count) runs are not learning yet") }
    note = notes.joined(separator: "; ")
  }

  private static func isOutside(_ interval: Interval, _ bound: Claim.Bound) -> Bool {
    switch bound {
    case .below(let limit): interval.lower >= limit
    case .above(let limit): interval.upper <= limit
    case .between(let lower, let upper): interval.upper <= lower || interval.lower >= upper
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
        Table.Column("effect", title: "effect", kind: .estimate(.significant(3))),
        Table.Column("bound", title: "claimed", kind: .text),
        Table.Column("seeds", title: "n", kind: .integer),
        Table.Column("source", title: "source", kind: .text, audience: .data),
        Table.Column("note", title: "", kind: .text, audience: .unlessEmpty),
      ],
      notes: [
        "holds: the whole 95 % interval over n seeds (Student's t, of ratios on their logarithm) keeps to what is claimed; does not"
          + " hold: all of it lies outside; undecided: neither, or fewer than three seeds."
      ])
    for result in results {
      table.append([
        .text(result.claim.says), .text(result.verdict.rawValue), .text(result.claim.measure.rawValue),
        result.effect.value.isNaN ? .missing : .estimate(result.effect),
        .text(result.claim.bound.description),
        .integer(result.seedCount), .text(result.claim.source), .text(result.note),
      ])
    }
    return table
  }
}

extension SweepReport {
  /// The one cell with these values of some axes; nil where there is none or more than one.
  ///
  /// Where an axis is chosen and not named, the best cell of the choice is meant.
  public func cell(matching values: [String: String]) -> SweepCell? {
    let found = cells.indices.filter { index in
      values.allSatisfy { axis, value in
        axes.firstIndex(of: axis).map { cells[index].values[$0] == value } ?? false
      }
    }
    if found.count == 1 { return cells[found[0]] }
    guard let chosenAxis, values[axes[chosenAxis]] == nil else { return nil }
    let matches = choices.filter { Set(found).isSuperset(of: $0.cells) }
    return matches.count == 1 ? matches[0].best.map { cells[$0] } : nil
  }
}
