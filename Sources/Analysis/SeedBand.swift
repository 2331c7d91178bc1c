/// One layer's statistic over the steps of several runs that differ only in their seed.
struct SeedBand: Equatable {
  /// Steps that all runs have recorded, ascending.
  let steps: [Int]
  /// Runs of records without a gap: positions in `steps`.
  let stretches: [Range<Int>]
  /// The geometric mean over runs; 0 where a run has 0, not a number where a run has a non-finite value.
  let mean: [Double]
  /// The smallest value over runs; not a number where one is non-finite.
  let lower: [Double]
  /// The largest value over runs; not a number where one is non-finite.
  let upper: [Double]

  /// - Precondition: at least one series, all with this layer.
  init(_ series: [LayerSeries], layer: Int) {
    let common = series.dropFirst().reduce(Set(series[0].steps)) { $0.intersection($1.steps) }
    let columns = series.map { one in
      one.steps.indices.filter { common.contains(one.steps[$0]) }.map { one.values[layer][$0] }
    }
    let kept = series[0].steps.indices.filter { common.contains(series[0].steps[$0]) }
    steps = kept.map { series[0].steps[$0] }
    stretches = LayerSeries.stretches(steps: steps, segments: kept.map { series[0].segments[$0] })
    let rows = steps.indices.map { record in columns.map { $0[record] } }
    mean = rows.map(Self.geometricMean)
    lower = rows.map { row in row.allSatisfy(\.isFinite) ? row.min() ?? .nan : .nan }
    upper = rows.map { row in row.allSatisfy(\.isFinite) ? row.max() ?? .nan : .nan }
  }

  private static func geometricMean(_ values: [Double]) -> Double {
    guard values.count > 1 else { return values[0] }
    guard values.allSatisfy(\.isFinite) else { return .nan }
    return powerOfTen(values.reduce(0) { $0 + commonLogarithm($1) } / Double(values.count))
  }
}
