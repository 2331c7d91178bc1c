import RealModule
import RunData
import Statistics
import Text

/// How well the estimate from the norms' gradients by sequence follows the noise scale from parts of the batch.
///
/// Gray et al. (arXiv 2411.00999) find the two proportional along a run, with a factor that depends on the model.
public struct NoiseFollowing: Equatable, Sendable {
  /// The noise scale of all tensors over that of the norms alone, both of the whole model: over three or more runs with an interval.
  public let factor: Estimate
  /// Pearson's correlation of the logarithms of the two over the layers; nil where fewer than three have both.
  public let overLayers: Double?
  /// The same over equal windows of the steps, the whole model's; nil where fewer than four have both.
  public let overTime: Double?

  /// Windows that the steps are cut into.
  static let windowCount = 8

  /// One run's two series, and the records of each that lie in the window.
  struct Run {
    let parts: (series: NoiseSeries, records: Range<Int>)
    let norms: (series: NoiseSeries, records: Range<Int>)
  }

  init(_ runs: [Run]) {
    let places = 0..<(runs.first?.parts.series.placeCount ?? 0)
    let factors = runs.compactMap { run -> Double? in
      Self.logarithms([run], places).map { $0.parts - $0.norms }
    }
    factor = Estimate.mean(of: factors).mapped(Double.exp)
    overLayers = Self.correlation(
      places.dropLast().compactMap { Self.logarithms(runs, $0..<$0 + 1) }, fewest: 3)
    overTime = Self.correlation(
      (0..<Self.windowCount).compactMap { window in
        Self.logarithms(runs.map { $0.part(window, of: Self.windowCount) }, places)
      }, fewest: 4)
  }

  /// The logarithms of both noise scales; nil where one of them is not above zero.
  private static func logarithms(_ runs: [Run], _ places: Range<Int>) -> (parts: Double, norms: Double)? {
    func scale(_ own: [(series: NoiseSeries, records: Range<Int>)]) -> Double {
      1 / NoiseEstimate.signalByNoise(own.filter { !$0.records.isEmpty }, places: places)
    }
    let (parts, norms) = (scale(runs.map(\.parts)), scale(runs.map(\.norms)))
    guard parts > 0, norms > 0, parts.isFinite, norms.isFinite else { return nil }
    return (Double.log(parts), Double.log(norms))
  }

  private static func correlation(_ pairs: [(parts: Double, norms: Double)], fewest: Int) -> Double? {
    guard pairs.count >= fewest else { return nil }
    let count = Double(pairs.count)
    let (x, y) = (
      pairs.reduce(0) { $0 + $1.parts } / count, pairs.reduce(0) { $0 + $1.norms } / count
    )
    var (xx, yy, xy) = (0.0, 0.0, 0.0)
    for pair in pairs {
      let (dx, dy) = (pair.parts - x, pair.norms - y)
      xx += dx * dx
      yy += dy * dy
      xy += dx * dy
    }
    return xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : nil
  }
}

extension NoiseFollowing.Run {
  /// One of equal parts of the steps.
  fileprivate func part(_ index: Int, of count: Int) -> Self {
    let steps = norms.series.steps[norms.records]
    guard let first = steps.first, let last = steps.last else { return self }
    let length = last + 1 - first
    let window = StepWindow(
      lower: first + length * index / count, upper: first + length * (index + 1) / count)
    func cut(_ own: (series: NoiseSeries, records: Range<Int>)) -> (series: NoiseSeries, records: Range<Int>)
    {
      (own.series, window.indices(in: own.series.steps))
    }
    return Self(parts: cut(parts), norms: cut(norms))
  }
}

extension NoiseFollowing {
  /// `1.4 times it [1.2, 1.6]; their logarithms correlate at 0.93 over layers and at 0.95 over 8 windows`; nil where nothing can be said.
  var words: String? {
    guard factor.value.isFinite else { return nil }
    let value = NumberText.significant(factor.value, digits: 2)
    let interval = factor.interval.map {
      " [\(NumberText.significant($0.lower, digits: 2)), \(NumberText.significant($0.upper, digits: 2))]"
    }
    let correlations = [
      overLayers.map { "at \(NumberText.fixed($0, decimals: 2)) over layers" },
      overTime.map { "at \(NumberText.fixed($0, decimals: 2)) over \(Self.windowCount) windows" },
    ].compactMap(\.self)
    return "\(value) times it\(interval ?? "")"
      + (correlations.isEmpty
        ? "" : "; their logarithms correlate \(correlations.joined(separator: " and "))")
  }
}
