import RealModule
import RunData
import Statistics

/// Runs of two groups, put together by seed and step.
struct RatioPairs {
  /// Two runs and the positions of the steps that both recorded in the window.
  private struct Pair {
    let base: RecordedRun
    let other: RecordedRun
    let baseRows: [Int]
    let otherRows: [Int]
    let stretches: [Range<Int>]
    let steps: [Int]
  }

  private let pairs: [Pair]
  private let statistic: GradientStatistic
  private let normalizer: RatioNormalizer
  private(set) var caveats: [String] = []

  /// Operations that do not train at some of the shared steps on a side, each with the layers in question.
  private(set) var untrained: [(operation: String, layers: [Int])] = []

  init(
    _ base: RunGroup, _ other: RunGroup, statistic: GradientStatistic, normalizer: RatioNormalizer,
    window: StepWindow
  ) throws(AnalysisError) {
    self.statistic = statistic
    self.normalizer = normalizer
    let matches = Self.match(base, other)
    if matches.contains(where: { $0.manifest.seed != $1.manifest.seed }) {
      caveats.append("the runs have different seeds, so their batches and initial values differ")
    }
    let unpaired = base.runs.count + other.runs.count - 2 * matches.count
    if unpaired > 0 { caveats.append("\(unpaired) runs without a partner of the same seed are left out") }
    var pairs: [Pair] = []
    var isUneven = false
    for (one, two) in matches {
      let pair = try Self.pair(one, two, window: window, statistic: statistic)
      isUneven = isUneven || pair.steps.count < max(Self.count(one, window), Self.count(two, window))
      pairs.append(pair)
    }
    if isUneven { caveats.append("steps of the window that only one of two runs recorded are left out") }
    self.pairs = pairs
  }

  /// Runs of one seed; where no seed is on both sides and each side has one run, these two.
  private static func match(_ base: RunGroup, _ other: RunGroup) -> [(RecordedRun, RecordedRun)] {
    let matches = base.runs.compactMap { run in
      other.runs.first { $0.manifest.seed == run.manifest.seed }.map { (run, $0) }
    }
    return matches.isEmpty ? [(base.runs[0], other.runs[0])] : matches
  }

  private static func count(_ run: RecordedRun, _ window: StepWindow) -> Int {
    window.indices(in: run.steps).count
  }

  private static func pair(
    _ base: RecordedRun, _ other: RecordedRun, window: StepWindow, statistic: GradientStatistic
  ) throws(AnalysisError) -> Pair {
    for run in [base, other] where count(run, window) == 0 {
      let recorded = run.steps.first.flatMap { first in run.steps.last.map { first...$0 } }
      throw .emptyWindow(window: window, label: runLabel(run.manifest), recorded: recorded)
    }
    let inOther = Dictionary(
      uniqueKeysWithValues: window.indices(in: other.steps).map { (other.steps[$0], $0) })
    let measured = [base, other].map { run in Set(Self.measuredRecords(of: run, statistic)) }
    let shared = window.indices(in: base.steps).compactMap { row in
      inOther[base.steps[row]].map { (base: row, other: $0) }
    }.filter { measured[0].contains($0.base) && measured[1].contains($0.other) }
    guard !shared.isEmpty else {
      throw .noSharedSteps(window: window, labels: [runLabel(base.manifest), runLabel(other.manifest)])
    }
    let steps = shared.map { base.steps[$0.base] }
    return Pair(
      base: base, other: other, baseRows: shared.map(\.base), otherRows: shared.map(\.other),
      stretches: LayerSeries.stretches(steps: steps, segments: shared.map { base.segments[$0.base] }),
      steps: steps)
  }

  /// The records at which the run's tensors were looked at, which are the same for all.
  private static func measuredRecords(of run: RecordedRun, _ statistic: GradientStatistic) -> [Int] {
    guard !statistic.isOfGradient else { return Array(run.steps.indices) }
    return run.gradients.values.map { $0.measuredRecords(statistic) }.max { $0.count < $1.count } ?? []
  }

  // MARK: - Cells

  /// Every operation of every layer that both sides have and train, and that is not zero by construction.
  mutating func cells(of operations: [String], layerCount: Int) -> [GradientRatio.Cell] {
    let normalizers = pairs.map(normalizerColumns)
    var cells: [GradientRatio.Cell] = []
    for operation in operations {
      cells += (0..<layerCount).compactMap { cell(operation, layer: $0, normalizers) }
      let layers = (0..<layerCount).filter { layer in
        pairs.contains { trainedRecords($0, operation, layer).count < $0.steps.count }
      }
      if !layers.isEmpty { untrained.append((operation, layers)) }
    }
    return cells
  }

  /// Positions in the pair's steps at which both sides train; all where a side does not have the operation.
  private func trainedRecords(_ pair: Pair, _ operation: String, _ layer: Int) -> [Int] {
    guard let base = pair.base.gradients[operation], let other = pair.other.gradients[operation] else {
      return Array(pair.steps.indices)
    }
    return pair.steps.indices.filter {
      isMeasured(base, layer, pair.baseRows[$0]) && isMeasured(other, layer, pair.otherRows[$0])
    }
  }

  private func isMeasured(_ series: TensorSeries, _ layer: Int, _ record: Int) -> Bool {
    if statistic.subject != .weights, !series.isTrained[layer][record] { return false }
    return statistic.isOfGradient || !statistic.value(of: series.sums(layer: layer, record: record)).isNaN
  }

  private func cell(
    _ operation: String, layer: Int, _ normalizers: [(base: [Double], other: [Double])?]
  ) -> GradientRatio.Cell? {
    let isThere = [pairs[0].base, pairs[0].other].allSatisfy { run in
      guard let series = run.gradients[operation] else { return false }
      return series.elementCounts[layer] > 0
        && !(statistic.isOfGradient && series.isZeroByConstruction[layer])
    }
    guard isThere else { return nil }
    let series = zip(pairs, normalizers).map { pair, normalizer in
      var columns = [
        values(pair.base, operation, layer, pair.baseRows),
        values(pair.other, operation, layer, pair.otherRows),
      ]
      if let normalizer { columns += [normalizer.base, normalizer.other] }
      return WindowedSeries(steps: pair.steps, values: columns, stretches: pair.stretches)
        .restricted(to: trainedRecords(pair, operation, layer))
    }
    guard series.allSatisfy({ !$0.steps.isEmpty }) else { return nil }
    // Columns 0 and 1 are base and other, 2 and 3 what they are divided by.
    let contrast = Contrast(
      weights: [(1, 1), (0, -1)] + (normalizers[0] == nil ? [] : [(3, -1), (2, 1)]))
    let logarithms = series.map { run in run.means.map { $0.isFinite ? Double.log10($0) : .nan } }
    let means = (0..<logarithms[0].count).map { column in
      logarithms.reduce(0) { $0 + $1[column] } / Double(logarithms.count)
    }
    let value = contrast.value(of: means)
    let isSolid = means.allSatisfy(\.isFinite)
    let sampler = IntervalSampler(
      runs: series, runLogarithms: logarithms, layers: isSolid ? Array(means.indices) : [], guides: [contrast]
    )
    return GradientRatio.Cell(
      layer: layer, operation: operation,
      // Of a single run exactly its mean.
      baseMean: series.count == 1 ? series[0].means[0] : Double.pow(10, means[0]),
      mean: series.count == 1 ? series[0].means[1] : Double.pow(10, means[1]),
      ratio: Estimate(value: value, interval: isSolid ? sampler.interval(of: contrast) : nil)
        .mapped { Double.pow(10, $0) }, method: sampler.method)
  }

  private func values(_ run: RecordedRun, _ operation: String, _ layer: Int, _ rows: [Int]) -> [Double] {
    guard let series = run.gradients[operation] else { return [] }
    return rows.map { statistic.value(of: series.sums(layer: layer, record: $0)) }
  }

  /// What each record of both runs is divided by; nil for nothing.
  private func normalizerColumns(_ pair: Pair) -> (base: [Double], other: [Double])? {
    switch normalizer {
    case .none: nil
    case .loss: (pair.baseRows.map { pair.base.loss[$0] }, pair.otherRows.map { pair.other.loss[$0] })
    case .total: (totals(pair.base, pair.baseRows), totals(pair.other, pair.otherRows))
    }
  }

  private func totals(_ run: RecordedRun, _ rows: [Int]) -> [Double] {
    // In one order, or the last bits would differ from call to call.
    let all = run.gradients.sorted { $0.key < $1.key }.map(\.value)
    return rows.map { row in
      var total = StatisticSums.none
      for series in all {
        for layer in 0..<series.layerCount
        where series.elementCounts[layer] > 0 && isMeasured(series, layer, row) {
          total = total + series.sums(layer: layer, record: row)
        }
      }
      return statistic.value(of: total)
    }
  }
}
