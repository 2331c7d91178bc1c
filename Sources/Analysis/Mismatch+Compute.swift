import RealModule
import RunData
import Statistics

extension Mismatch {
  /// The mismatch of one operation over a window, from runs that differ only in their seed.
  /// - Throws: ``AnalysisError/noSuchOperation``, ``AnalysisError/zeroByConstruction``,
  ///   ``AnalysisError/normNotRecorded`` and ``AnalysisError/emptyWindow``. Everything else has an answer, with a caveat.
  public init(
    of group: RunGroup, operation: String, statistic: GradientStatistic = .l1, window: StepWindow
  ) throws(AnalysisError) {
    try group.require(statistic)
    let present = try Self.layers(of: group, operation: operation, statistic: statistic)
    let runs = try Self.windowed(group, operation: operation, statistic: statistic, window: window)
    let layers = present.filter { layer in runs.allSatisfy { $0.measuredCount(ofLayer: layer) > 0 } }
    guard !layers.isEmpty else {
      throw statistic.isOfGradient
        ? .notTrained(operation: operation, label: group.label, window: window)
        : .notMeasured(statistic: statistic, operation: operation, label: group.label, window: window)
    }
    let profile = Profile(
      runs: runs, present: present, layers: layers, layerCount: group.manifest.gradients.layerCount)
    self.operation = operation
    self.statistic = statistic
    self.window = window
    self.layers = layers
    layerCount = profile.layerCount
    method = profile.sampler.method
    means = layers.map(profile.mean(ofLayer:))
    runMeans = runs.map { run in layers.map { run.means[$0] } }
    recordCounts = runs.map(\.steps.count)
    let steps = runs.flatMap { [$0.steps[0], $0.steps[$0.steps.count - 1]] }
    recordedSteps = (steps.min() ?? 0)...(steps.max() ?? 0)
    earlyLate = profile.earlyLate
    extremes = profile.extremes
    spread = profile.spread
    slope = profile.slope
    caveats = profile.caveats
  }

  /// The layers that have the tensor and a gradient that is not zero by construction.
  private static func layers(
    of group: RunGroup, operation: String, statistic: GradientStatistic
  ) throws(AnalysisError) -> [Int] {
    guard let series = group.runs[0].gradients[operation] else {
      throw .noSuchOperation(name: operation, available: group.runs[0].gradients.keys.sorted())
    }
    let present = (0..<series.layerCount).filter { series.elementCounts[$0] > 0 }
    guard !present.isEmpty else {
      let layout = group.manifest.gradients
      let others = layout.tensorNames.indices.filter { tensor in
        (0..<layout.layerCount).contains { layout.elementCounts[layout.index(layer: $0, tensor: tensor)] > 0 }
      }
      throw .noSuchOperation(name: operation, available: others.map { layout.tensorNames[$0] })
    }
    // Weights and updates are what they are also where the gradient is rounding noise.
    guard statistic.isOfGradient else { return present }
    let meaningful = present.filter { !series.isZeroByConstruction[$0] }
    guard !meaningful.isEmpty else { throw .zeroByConstruction(operation: operation, label: group.label) }
    return meaningful
  }

  private static func windowed(
    _ group: RunGroup, operation: String, statistic: GradientStatistic, window: StepWindow
  ) throws(AnalysisError) -> [WindowedSeries] {
    var result: [WindowedSeries] = []
    for run in group.runs {
      guard let series = LayerSeries(run: run, operation: operation, statistic: statistic) else {
        throw .noSuchOperation(name: operation, available: run.gradients.keys.sorted())
      }
      let windowed = WindowedSeries(series, window: window)
      guard !windowed.steps.isEmpty else {
        let recorded = run.steps.first.flatMap { first in run.steps.last.map { first...$0 } }
        throw .emptyWindow(window: window, label: runLabel(run.manifest), recorded: recorded)
      }
      result.append(windowed)
    }
    return result
  }
}

/// The profile of a group and what follows from it.
private struct Profile {
  let runs: [WindowedSeries]
  /// Layers that have the tensor.
  let present: [Int]
  /// Those of them that train it in the window.
  let layers: [Int]
  let layerCount: Int
  /// log10 m_l by layer; minus infinity for a mean of zero, not a number where nothing can be said.
  let logarithms: [Double]
  let sampler: IntervalSampler

  init(runs: [WindowedSeries], present: [Int], layers: [Int], layerCount: Int) {
    self.runs = runs
    self.present = present
    self.layers = layers
    self.layerCount = layerCount
    let runLogarithms = runs.map { run in
      run.means.map { $0.isFinite ? Double.log10($0) : .nan }
    }
    logarithms = (0..<layerCount).map { layer in
      runLogarithms.reduce(0) { $0 + $1[layer] } / Double(runs.count)
    }
    let solid = layers.filter { [logarithms] in logarithms[$0].isFinite }
    sampler = IntervalSampler(
      runs: runs, runLogarithms: runLogarithms, layers: solid,
      // The statistics whose noise decides how long a block has to be.
      guides: solid.count < 2
        ? solid.map(Contrast.layer)
        : [.ratio(solid[0], over: solid[solid.count - 1]), .slope(over: solid, layerCount: layerCount)])
  }

  /// A contrast with its interval; without one where a layer in it is zero or non-finite.
  func estimate(_ contrast: Contrast) -> Estimate {
    let value = contrast.value(of: logarithms)
    return Estimate(value: value, interval: value.isFinite ? sampler.interval(of: contrast) : nil)
  }

  /// m of one layer; of a single run exactly its mean, and what it is where that is not finite.
  func mean(ofLayer layer: Int) -> Estimate {
    var result = estimate(.layer(layer)).mapped { Double.pow(10, $0) }
    if runs.count == 1 { result.value = runs[0].means[layer] }
    return result
  }

  var earlyLate: Estimate {
    guard layers.count > 1 else { return .undefined }
    return estimate(.ratio(layers[0], over: layers[layers.count - 1])).mapped { Double.pow(10, $0) }
  }

  var extremes: (largest: Int, smallest: Int)? {
    guard layers.count > 1, !layers.contains(where: { logarithms[$0].isNaN }),
      let largest = layers.max(by: { logarithms[$0] < logarithms[$1] }),
      let smallest = layers.min(by: { logarithms[$0] < logarithms[$1] }),
      logarithms[largest] > -.infinity
    else { return nil }
    return (largest, smallest)
  }

  var spread: Estimate {
    guard let extremes else { return .undefined }
    guard extremes.largest != extremes.smallest else {
      return estimate(.ratio(layers[0], over: layers[layers.count - 1])).mapped { Double.pow(10, $0) }
    }
    return estimate(.ratio(extremes.largest, over: extremes.smallest)).mapped { Double.pow(10, $0) }
  }

  var slope: Estimate {
    guard layers.count > 1, layers.allSatisfy({ logarithms[$0].isFinite }) else { return .undefined }
    return estimate(.slope(over: layers, layerCount: layerCount))
  }

  /// Layers that do not train at every step of the window, those with the same gaps together; of the first run that has some.
  private var untrained: [MismatchCaveat] {
    for run in runs {
      guard let isTrained = run.isMeasured else { continue }
      var byGaps: [(gaps: TrainingGaps, layers: [Int])] = []
      for layer in present {
        let gaps = TrainingGaps(steps: run.steps, isTrained: isTrained[layer])
        if let index = byGaps.firstIndex(where: { $0.gaps == gaps }) {
          byGaps[index].layers.append(layer)
        } else {
          byGaps.append((gaps, [layer]))
        }
      }
      let found = byGaps.filter { !$0.gaps.isEmpty }
      if !found.isEmpty { return found.map { .untrained(layers: $0.layers, $0.gaps) } }
    }
    return []
  }

  var caveats: [MismatchCaveat] {
    var result: [MismatchCaveat] = []
    if layers.count == 1 { result.append(.oneLayer(layers[0])) }
    let without = (0..<layerCount).filter { !present.contains($0) }
    if !without.isEmpty, layers.count > 1 { result.append(.layersWithoutTensor(without)) }
    result += untrained
    let zero = layers.filter { logarithms[$0] == -.infinity }
    if !zero.isEmpty { result.append(.zeroLayers(zero)) }
    for run in runs {
      if let found = run.nonfinite(in: layers) {
        result.append(
          .nonfinite(layers: found.layers, firstStep: found.firstStep, stepCount: found.stepCount))
        break
      }
    }
    let records = runs.map(\.steps.count)
    if Set(records).count > 1 { result.append(.unequalRecords(records)) }
    let trained = runs.compactMap { run in layers.map(run.measuredCount).min() }
    if runs.count < 3, let fewest = trained.min(), fewest < Mismatch.fewestRecords {
      result.append(.fewRecords(fewest))
    }
    let gaps = runs.map { $0.stretches.count - 1 }.reduce(0, +)
    if gaps > 0 { result.append(.gaps(gaps)) }
    return result
  }
}
