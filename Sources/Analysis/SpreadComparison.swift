import Documents
import RealModule
import RunData
import Statistics

/// How much larger one group's spread is than another's.
///
/// Seeds are paired: one seed gives both the same batches and initial values. For each seed that both have, the ratio of
/// the two spreads, each between the layers that are largest and smallest in its group; then their geometric mean, with
/// Student's t on the logarithm where there are three seeds or more.
public struct SpreadComparison: Sendable {
  /// The group above the fraction line.
  public let label: String
  /// The group below it.
  public let reference: String
  /// spread / reference spread; below 1 where the group's layers are closer to each other than the reference's.
  public let ratio: Estimate
  /// The seeds that both groups have.
  public let seeds: [UInt64]

  /// Compares two measured groups; nil where one is not measured, its spread is undefined, or no seed is shared.
  public init?(_ entry: MismatchReport.Entry, reference: MismatchReport.Entry) {
    guard let own = Self.logarithms(entry), let other = Self.logarithms(reference) else { return nil }
    label = entry.group.label
    self.reference = reference.group.label
    seeds = own.keys.filter { other[$0] != nil }.sorted()
    let differences = seeds.compactMap { seed in own[seed].flatMap { one in other[seed].map { one - $0 } } }
    guard !differences.isEmpty, differences.allSatisfy(\.isFinite) else { return nil }
    let mean = differences.reduce(0, +) / Double(differences.count)
    let interval = differences.count < 3 ? nil : StudentT.interval(of: differences)
    ratio = Estimate(value: mean, interval: interval).mapped { Double.pow(10, $0) }
  }

  /// log10 of each run's spread, by seed.
  private static func logarithms(_ entry: MismatchReport.Entry) -> [UInt64: Double]? {
    guard let mismatch = entry.mismatch, let extremes = mismatch.extremes,
      let largest = mismatch.layers.firstIndex(of: extremes.largest),
      let smallest = mismatch.layers.firstIndex(of: extremes.smallest)
    else { return nil }
    return zip(entry.group.runs, mismatch.runMeans).reduce(into: [:]) { result, pair in
      result[pair.0.manifest.seed] = Double.log10(pair.1[largest]) - Double.log10(pair.1[smallest])
    }
  }
}

extension MismatchReport {
  /// Every group's spread against that of each group before it, on paired seeds; without rows where nothing can be compared.
  public var spreadTable: Table {
    var table = Table(
      title: "Spread of \(operation) against other groups, \(window.title)",
      columns: [
        Table.Column("architecture", title: "architecture", kind: .text),
        Table.Column("reference", title: "against", kind: .text),
        Table.Column("spread_ratio", title: "spread / spread", kind: .estimate(.significant(3))),
        Table.Column("seeds", title: "paired seeds", kind: .integer),
      ],
      notes: [
        "Geometric mean over seeds that both have; 95 % interval from three seeds on, Student's t on the logarithm of the"
          + " paired ratios. Below 1: the layers lie closer together than the reference's."
      ])
    for (index, entry) in entries.enumerated() {
      for reference in entries[..<index] {
        guard let comparison = SpreadComparison(entry, reference: reference) else { continue }
        table.append([
          .text(comparison.label), .text(comparison.reference), .estimate(comparison.ratio),
          .integer(comparison.seeds.count),
        ])
      }
    }
    return table
  }
}
