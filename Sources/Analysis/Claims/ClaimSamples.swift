import RealModule
import RunData
import Statistics

/// A measurement of the runs of its cells: one number a seed.
struct ClaimSamples {
  /// The number of each seed, by seed.
  let values: [UInt64: Double]
  /// What seeds would reach at least that did not get to their number, by seed: rates that a run bore to its end.
  let floors: [UInt64: Double]
  /// Why seeds or all of it could not be measured; nil where nothing is missing.
  private(set) var problem: String?

  init(_ measurement: Measurement, of cell: SweepCell, against other: SweepCell?, in report: SweepReport) {
    var values: [UInt64: Double] = [:]
    var unmeasured: [String] = []
    var unreached: [String] = []
    var floors: [UInt64: Double] = [:]
    for run in cell.endedRuns {
      let seed = run.manifest.seed
      let partner = other?.endedRun(seed: seed)
      if other != nil, partner == nil { continue }
      let number: Double?
      switch measurement.measure {
      case .gradient: number = Self.gradient(measurement, run, partner)
      case .costShare:
        let crossing = partner.flatMap { partner in
          other.flatMap { SeedCrossing(run, cell, of: partner, $0, report.budget) }
        }
        number = crossing?.share
        if crossing != nil, number == nil {
          unreached.append("seed \(seed)")
          continue
        }
      case .peakRate where other == nil && Self.survivedRate(run) != nil:
        floors[seed] = Self.survivedRate(run)
        continue
      default:
        let own = Self.single(measurement, run, cell, report)
        let theirs = partner.flatMap { partner in
          other.flatMap { Self.single(measurement, partner, $0, report) }
        }
        number =
          other == nil ? own : own.flatMap { own in theirs.map { Self.compared(measurement, own, $0) } }
      }
      if let number, number.isFinite {
        values[seed] = number
      } else {
        unmeasured.append("seed \(seed)")
      }
    }
    self.values = values
    self.floors = floors
    let bore = floors.keys.sorted().map { "seed \($0)" }
    let reasons = [
      unmeasured.isEmpty ? nil : "not to be measured in \(unmeasured.joined(separator: ", "))",
      unreached.isEmpty
        ? nil : "\(unreached.joined(separator: ", ")) not as low as the other's lowest loss",
      bore.isEmpty ? nil : "\(bore.joined(separator: ", ")) bore every rate",
    ].compactMap(\.self)
    problem = reasons.isEmpty ? values.isEmpty ? "no runs" : nil : reasons.joined(separator: "; ")
  }

  private static func compared(_ measurement: Measurement, _ own: Double, _ other: Double) -> Double {
    measurement.measure.isRatio ? own / other : own - other
  }

  /// A measure of one run.
  private static func single(
    _ measurement: Measurement, _ run: RecordedRun, _ cell: SweepCell, _ report: SweepReport
  ) -> Double? {
    switch measurement.measure {
    case .perplexity: return cell.finalLosses[run.manifest.seed].map { Double.exp($0) }
    case .evaluationPerplexity, .accuracy:
      return run.evaluation(measurement, afterUpdates: cell.plannedSteps)
    case .stepSeconds: return median(run.seconds)
    case .memory: return cell.memoryBytes
    case .bestValue: return report.bestValue(near: cell, seed: run.manifest.seed)
    case .peakRate:
      guard let outcome = try? StabilityOutcome(run), outcome.ending.isFailure else { return nil }
      return outcome.peakRate
    case .streamGrowth: return streamGrowth(run, window(measurement, run))
    case .scale, .scaleTrend, .scaleWidth: return ScaleNumbers.number(measurement, run)
    case .parameters:
      let layout = run.manifest.gradients
      return Double((layout.elementCounts + layout.stemElementCounts).reduce(0, +))
    case .gradient, .costShare: return nil
    case .earlyLate, .spread, .slope:
      guard let profile = LayerProfile(run, measurement.operations[0], window(measurement, run)) else {
        return nil
      }
      return profile.value(of: measurement.measure)
    }
  }

  /// The rate of the last update of a run that did not fail, whose own peak lies above; nil for every other run.
  private static func survivedRate(_ run: RecordedRun) -> Double? {
    guard let outcome = try? StabilityOutcome(run), outcome.ending == .survived else { return nil }
    return outcome.peakRate
  }

  /// √(Σx² entering the last layer / Σx² entering the second), the geometric mean over the window; nil of a run that has not recorded it,
  /// or has fewer than three layers.
  private static func streamGrowth(_ run: RecordedRun, _ window: StepWindow) -> Double? {
    let rows = window.indices(in: run.steps)
    guard let squares = run.streamSquares, squares.count > 2, !rows.isEmpty else { return nil }
    let logarithms = rows.map { Double.log10(squares[squares.count - 1][$0]) - Double.log10(squares[1][$0]) }
    return Double.pow(10, logarithms.reduce(0, +) / Double(rows.count) / 2)
  }

  /// The ratio of gradients over operations and layers: to the partner, or to the earlier window.
  private static func gradient(_ measurement: Measurement, _ run: RecordedRun, _ partner: RecordedRun?)
    -> Double?
  {
    let window = window(measurement, run)
    var logarithms: [Double] = []
    for operation in measurement.operations {
      let below =
        partner.flatMap { LayerProfile($0, operation, window, measurement.normalizer) }
        ?? measurement.from.flatMap { LayerProfile(run, operation, $0, measurement.normalizer) }
      guard let above = LayerProfile(run, operation, window, measurement.normalizer), let below,
        let layers = try? measurement.layers.layers(of: above.layerCount)
      else { return nil }
      for layer in layers {
        guard let one = above.means[layer], let other = below.means[layer] else { continue }
        logarithms.append(Double.log10(one) - Double.log10(other))
      }
    }
    guard !logarithms.isEmpty else { return nil }
    switch measurement.take {
    case .mean: return Double.pow(10, logarithms.reduce(0, +) / Double(logarithms.count))
    case .largest: return logarithms.max().map { Double.pow(10, $0) }
    case .smallest: return logarithms.min().map { Double.pow(10, $0) }
    }
  }

  private static func window(_ measurement: Measurement, _ run: RecordedRun) -> StepWindow {
    measurement.window ?? .defaultWindow(for: [run.steps])
  }
}

/// The mean gradient of one operation in each layer over a window.
struct LayerProfile {
  let layerCount: Int
  /// By layer; those without the tensor, or where it is zero by construction, are missing.
  let means: [Int: Double]

  /// Nil where the run has not recorded the operation, or nothing in the window.
  init?(
    _ run: RecordedRun, _ operation: String, _ window: StepWindow, _ normalizer: RatioNormalizer = .none
  ) {
    guard let series = run.gradients[operation] else { return nil }
    let rows = window.indices(in: run.steps)
    guard !rows.isEmpty else { return nil }
    let divisor: Double
    switch normalizer {
    case .none: divisor = 1
    case .loss: divisor = run.loss[rows].reduce(0, +) / Double(rows.count)
    case .total:
      divisor = run.gradients.values.reduce(0) { sum, series in
        let trained = zip(series.l1, series.isTrained).map { l1, isTrained in
          rows.reduce(0) { $0 + (isTrained[$1] ? l1[$1] : 0) }
        }
        return sum + trained.reduce(0, +) / Double(rows.count)
      }
    }
    layerCount = series.layerCount
    var means: [Int: Double] = [:]
    for layer in 0..<series.layerCount
    where series.elementCounts[layer] > 0 && !series.isZeroByConstruction[layer] {
      let trained = rows.filter { series.isTrained[layer][$0] }
      guard !trained.isEmpty else { continue }
      means[layer] = trained.reduce(0) { $0 + series.l1[layer][$1] } / Double(trained.count) / divisor
    }
    guard !means.isEmpty else { return nil }
    self.means = means
  }

  func value(of measure: Claim.Measure) -> Double? {
    let layers = means.keys.sorted()
    let values = layers.compactMap { means[$0] }
    guard layers.count > 1, let first = values.first, let last = values.last else { return nil }
    switch measure {
    case .earlyLate: return first / last
    case .spread: return (values.max() ?? .nan) / (values.min() ?? .nan)
    case .slope:
      var logarithms = Array(repeating: 0.0, count: layerCount)
      for layer in layers { logarithms[layer] = Double.log10(means[layer] ?? .nan) }
      return Contrast.slope(over: layers, layerCount: layerCount).value(of: logarithms)
    default: return nil
    }
  }
}
