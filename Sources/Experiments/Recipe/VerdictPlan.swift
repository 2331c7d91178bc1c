import Analysis
import Charts
import Documents
import Foundation
import Statistics
import Text

/// What verdicts on a recipe's claims take, before anything is trained: from the runs of a pilot, or from results that were made before.
package struct VerdictPlan: Presentable {
  fileprivate struct Row {
    let claim: String
    let verdict: String
    let effect: Estimate
    let count: Int
    let prices: [IntervalRule: ClaimPrice]
    let note: String
  }

  private let rows: [Row]
  private let budget: Double?
  private let origin: String

  /// From the runs of a sweep's folder.
  ///
  /// - Parameter budget: seconds that there are; nil where they are not limited.
  package init(_ claims: [Claim], in report: SweepReport, budget: Double?) {
    rows = claims.map { claim in
      let result = ClaimResult(claim, in: report)
      return Row(
        claim: result.says, verdict: result.verdict.rawValue, effect: result.effect, count: result.seedCount,
        prices: result.prices, note: result.note)
    }
    self.budget = budget
    origin = "the runs that are there"
  }

  /// From the tables of earlier results: `claims.csv` and `runs.csv` of a recipe's folder.
  ///
  /// - Throws: ``ExperimentError`` where they are not there, or are another recipe's.
  package init(_ claims: [Claim], results folder: String, budget: Double?) throws {
    let judged = try RecordedTable(path: "\(folder)/claims.csv")
    let runs = try RecordedTable(path: "\(folder)/runs.csv")
    rows = try claims.map { claim in
      guard let row = judged.rows.first(where: { $0["claim"] == claim.says }) else {
        throw ExperimentError.refused(
          "\(judged.path) does not judge \"\(claim.says)\": it is of another state of the recipe; plan from runs with \(setting: "runs")"
        )
      }
      return Row(claim, judged: row, runs: runs.rows)
    }
    self.budget = budget
    origin = "the results in \(folder), and the time that their runs took"
  }

  package func tables() -> [Table] { [table] }

  package func figure() -> Figure? { nil }

  package func writeFiles(_ write: (ResultFile) throws -> Void) throws { try write(.table("plan", table)) }

  private var table: Table {
    var table = Table(
      title: "What verdicts take",
      columns: [
        Table.Column("claim", title: "claim", kind: .text),
        Table.Column("verdict", title: "so far", kind: .text),
        Table.Column("effect", title: "effect", kind: .estimate(.significant(4)), priority: 3),
        Table.Column("seeds", title: "n", kind: .integer),
        Table.Column("fixed_seeds", title: "seeds, decided beforehand", kind: .integer, priority: 2),
        Table.Column("anytime_seeds", title: "seeds, until decided", kind: .integer),
        Table.Column(
          "seconds", title: "seconds until decided", kind: .number(.significant(3)), audience: .data),
        Table.Column("time", title: "time", kind: .text),
        Table.Column("within", title: "within the budget", kind: .text, audience: .unlessEmpty),
        Table.Column("note", title: "", kind: .text, audience: .unlessEmpty),
      ], notes: notes)
    let affordable = affordable
    for (index, row) in rows.enumerated() {
      let price = row.prices[.anytime]
      func seeds(_ rule: IntervalRule) -> Table.Cell {
        row.prices[rule]?.seeds.map { .integer($0) } ?? .missing
      }
      let isAtBound = price.map { $0.seeds == nil } ?? false
      let isOpen = row.verdict == ClaimResult.Verdict.undecided.rawValue
      table.append([
        .text(row.claim), .text(row.verdict), .defined(row.effect), .integer(row.count), seeds(.fixed),
        seeds(.anytime),
        price?.seconds.map { .number($0) } ?? .missing, .text(price?.seconds.map(ClaimPrice.time) ?? ""),
        .text(budget == nil || !isOpen ? "" : affordable.contains(index) ? "yes" : "no"),
        .text(
          ([isAtBound ? "the effect lies at the bound" : "", row.note]).filter { !$0.isEmpty }.joined(
            separator: "; ")),
      ])
    }
    return table
  }

  /// The undecided claims that the budget pays for, the nearest verdict first.
  private var affordable: Set<Int> {
    guard var left = budget else { return [] }
    var bought: Set<Int> = []
    let prices = rows.indices.compactMap { index in
      rows[index].prices[.anytime]?.seconds.map { (index: index, seconds: $0) }
    }
    for price in prices.sorted(by: { $0.seconds < $1.seconds }) where price.seconds <= left {
      bought.insert(price.index)
      left -= price.seconds
    }
    return bought
  }

  private var notes: [String] {
    let open = rows.indices.filter { rows[$0].verdict == ClaimResult.Verdict.undecided.rawValue }
    let unaffordable = open.filter { !affordable.contains($0) }
    var notes = [
      "From \(origin): seeds at which a 95 % interval as wide as their spread makes it keeps clear of what is claimed, if the effect stays as it"
        + " is. Decided beforehand: Student's t, looked at once. Until decided: a confidence sequence, looked at after every seed."
    ]
    if let budget, !unaffordable.isEmpty {
      notes.append(
        "\(counted(unaffordable.count, "claim")) cannot be decided at this size within \(ClaimPrice.time(budget))."
      )
    }
    return notes
  }
}

extension VerdictPlan.Row {
  /// What a recorded judgement and the times of its runs say.
  fileprivate init(_ claim: Claim, judged: [String: String], runs: [[String: String]]) {
    func number(_ key: String) -> Double { judged[key].flatMap(Double.init) ?? .nan }
    let (lower, upper) = (number("effect_low"), number("effect_high"))
    self.claim = claim.says
    verdict = judged["verdict"] ?? ""
    count = judged["seeds"].flatMap { Int($0) } ?? 0
    effect = Estimate(
      value: number("effect"),
      interval: lower.isFinite && upper.isFinite ? Interval(lower: lower, upper: upper) : nil)
    note = judged["note"] ?? ""
    guard verdict == ClaimResult.Verdict.undecided.rawValue, note.isEmpty || !note.contains("seed") else {
      prices = [:]
      return
    }
    let half = (claim.measure.scaled(upper) - claim.measure.scaled(lower)) / 2
    let rule = judged["interval"].flatMap(IntervalRule.init) ?? .fixed
    let deviation = half / rule.reach(count: max(count, rule.fewestSeeds))
    let seconds = Self.secondsPerSeed(claim, runs)
    var prices: [IntervalRule: ClaimPrice] = [:]
    for rule in IntervalRule.allCases {
      prices[rule] = ClaimPrice(
        count: count, deviation: deviation,
        distance: claim.bound.distance(of: effect.value, on: claim.measure),
        rule: rule, cells: [], secondsPerSeed: seconds)
    }
    self.prices = prices
  }

  /// Seconds of one seed in every cell that the claim is about.
  private static func secondsPerSeed(_ claim: Claim, _ runs: [[String: String]]) -> Double {
    let sides = [claim.of] + (claim.against.isEmpty ? [] : [claim.against])
    let concerned = runs.filter { run in
      sides.contains { side in side.allSatisfy { run[$0.key] == $0.value } }
    }
    let bySeed = Dictionary(grouping: concerned) { $0["seed"] ?? "" }.values.map { own in
      own.reduce(0) { sum, run in
        sum + (run["steps"].flatMap(Double.init) ?? 0) * (run["seconds_per_step"].flatMap(Double.init) ?? 0)
      }
    }
    return bySeed.isEmpty ? 0 : bySeed.reduce(0, +) / Double(bySeed.count)
  }
}

/// A table as this program writes it, read back: every row by the names of its columns.
struct RecordedTable {
  let path: String
  let rows: [[String: String]]

  init(path: String) throws {
    self.path = path
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw ExperimentError.refused(
        "there are no earlier results at \(path) to plan from; name a folder of runs with \(setting: "runs")")
    }
    let lines = CSVText.rows(String(decoding: bytes, as: UTF8.self))
    guard let names = lines.first else { throw ExperimentError.refused("\(path) is empty") }
    rows = lines.dropFirst().map { Dictionary(zip(names, $0)) { first, _ in first } }
  }
}
