import RunData
import Statistics

/// How unequal the gradients of one operation are between early and late layers, over a step window.
///
/// All numbers come from the profile m_l: the window's mean of the statistic in layer l, over the steps at which it trains, and with several seeds the
/// geometric mean of these. Each statistic is a weighted sum of log m_l, so its interval is that sum's:
/// - three seeds or more: Student's t over the seeds' sums (n - 1 degrees of freedom). It says what another seed
///   would give. With 3 to 10 seeds a bootstrap over seeds has too few distinct resamples to reach 95 %.
/// - one or two seeds: ``BlockBootstrap`` over the recorded steps of each run, with expanded percentiles of 2000
///   resamples. It says how far the noise from step to step carries, for these runs; another seed can lie outside. A trend
///   within the window counts as noise, and makes the interval wider. With a strong autocorrelation and a short window it
///   covers less than 95 %: `BootstrapTests` has the shares that were found.
public struct Mismatch: Sendable {
  /// The fewest records from which an interval over steps is made.
  public static let fewestRecords = IntervalSampler.fewestRecords

  /// The operation, e.g. `fc2.weight`.
  public let operation: String
  /// What is shown of each gradient.
  public let statistic: GradientStatistic
  /// The steps that the means run over.
  public let window: StepWindow
  /// Layers of the stack, with or without the tensor.
  public let layerCount: Int
  /// Layers that have the tensor and train it in the window, ascending.
  public let layers: [Int]
  /// The profile m_l, in the order of ``layers``.
  public let means: [Estimate]
  /// Each run's own profile, `(run)(layer)` in the order of ``layers``.
  public let runMeans: [[Double]]
  /// Recorded steps in the window, of each run.
  public let recordCounts: [Int]
  /// The first and the last step recorded in the window, over all runs.
  public let recordedSteps: ClosedRange<Int>
  /// m of the first layer over m of the last one.
  public let earlyLate: Estimate
  /// The largest m over the smallest. The interval is that of the ratio of these two layers: where it reaches below
  /// 1, their order is not certain.
  public let spread: Estimate
  /// The least-squares slope of log10 m_l against l / (L - 1): decades over the depth, positive where late layers are
  /// larger.
  public let slope: Estimate
  /// The layers with the largest and the smallest m; nil where the spread is undefined.
  public let extremes: (largest: Int, smallest: Int)?
  /// Where the intervals come from.
  public let method: IntervalMethod
  /// What a reader has to know beside the numbers.
  public let caveats: [MismatchCaveat]
}

/// What a reader of a mismatch has to know beside its numbers.
public enum MismatchCaveat: Equatable, Sendable, CustomStringConvertible {
  /// There is only one layer to look at.
  case oneLayer(Int)
  /// Some layers do not have the tensor; depth still counts them.
  case layersWithoutTensor([Int])
  /// Layers that do not train the tensor at some of the window's steps, over which their means do not run, or at any.
  case untrained(layers: [Int], TrainingGaps)
  /// Layers whose mean is exactly zero: a ratio to them is infinite or zero, and a slope does not exist.
  case zeroLayers([Int])
  /// Non-finite values in the window: what rests on these layers is undefined.
  case nonfinite(layers: [Int], firstStep: Int, stepCount: Int)
  /// Too few records for an interval over steps.
  case fewRecords(Int)
  /// Gaps in the recorded steps of the window, which no block is laid over.
  case gaps(Int)
  /// Runs of the group that recorded different numbers of steps in the window.
  case unequalRecords([Int])

  /// One sentence without the full stop.
  public var description: String {
    switch self {
    case .oneLayer(let layer):
      return "only layer \(layer) has the tensor: there is no mismatch between layers"
    case .layersWithoutTensor(let layers):
      return "\(layerList(layers)) without the tensor; first and last are taken among the others"
    case .untrained(let layers, let gaps) where gaps.isEverything:
      return "\(layerList(layers)) not trained in the window; first and last are taken among the others"
    case .untrained(let layers, let gaps):
      let means = layers.count == 1 ? "its mean runs" : "their means run"
      return "\(layerList(layers)) \(gaps): \(means) over the other steps"
    case .zeroLayers(let layers):
      return "\(layerList(layers)) with a gradient of exactly zero over the window"
    case .nonfinite(let layers, let firstStep, let stepCount):
      return "non-finite gradients in \(layerList(layers)) at \(stepCount) of the window's steps, first at"
        + " step \(firstStep): end the window before it"
    case .fewRecords(let count):
      return "\(count) recorded steps in the window, too few for an interval (at least"
        + " \(Mismatch.fewestRecords))"
    case .gaps(let count):
      return count == 1 ? "1 gap in the recorded steps" : "\(count) gaps in the recorded steps"
    case .unequalRecords(let counts):
      return "the runs recorded \(counts.map(String.init).joined(separator: ", ")) steps in the window"
    }
  }
}

/// `layer 3`, or `layers 0-3, 7`, of layers in ascending order.
public func layerList(_ layers: [Int]) -> String {
  var ranges: [ClosedRange<Int>] = []
  for layer in layers {
    if let last = ranges.last, last.upperBound + 1 == layer {
      ranges[ranges.count - 1] = last.lowerBound...layer
    } else {
      ranges.append(layer...layer)
    }
  }
  let text = ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
  return (layers.count == 1 ? "layer " : "layers ") + text.joined(separator: ", ")
}
