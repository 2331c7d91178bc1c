/// Something that a paper says, as a number that runs can be measured by and the bound that it must keep.
@dynamicMemberLookup
public struct Claim: Sendable {
  /// What is measured of each seed's run, or pair of runs.
  public enum Measure: String, Sendable, CaseIterable {
    /// First layer's mean gradient over the last one's.
    case earlyLate = "early/late"
    /// The largest layer's mean gradient over the smallest one's.
    case spread
    /// Least-squares slope of log10 of the mean gradient against relative depth, in decades.
    case slope
    /// Mean gradient of the operations in the layers: over that of the other runs, or over that of an earlier window.
    case gradient
    /// e to the final held-out loss.
    case perplexity
    /// e to the loss of the last evaluation on a text, by token, word or byte.
    case evaluationPerplexity = "evaluation perplexity"
    /// Percent of a task's examples that are answered rightly at the last evaluation.
    case accuracy
    /// Seconds of a run's median step.
    case stepSeconds = "step seconds"
    /// Parameters of the model.
    case parameters
    /// Memory that training takes.
    case memory
    /// Cost at which the lowest held-out loss of the other runs is reached, over what they took for it.
    case costShare = "cost share"
    /// The value of the sweep's chosen axis with the lowest final loss.
    case bestValue = "best value"
    /// The learning rate at which a run with a rising one destabilised.
    case peakRate = "peak learning rate"
    /// A statistic of a learned scale in the layers.
    case scale
    /// Spearman's correlation of that statistic with depth.
    case scaleTrend = "scale trend"
    /// The mean over layers of a scale's interquartile range, the height of its box: over that of another scale.
    case scaleWidth = "scale width"
    /// Root mean square of the residual stream that enters the last layer, over that of the one that enters the second: what the
    /// first layer adds to an embedding says nothing of depth.
    case streamGrowth = "stream growth"

    /// Whether numbers of seeds are put together by their logarithms.
    var isRatio: Bool { ![.slope, .scale, .scaleTrend, .accuracy].contains(self) }
    /// Whether it reads gradients.
    public var needsGradients: Bool { [.earlyLate, .spread, .slope, .gradient].contains(self) }
    /// Whether it reads what runs were evaluated to.
    var needsEvaluations: Bool { [.evaluationPerplexity, .accuracy].contains(self) }
    /// Whether it reads learned scales.
    public var needsScales: Bool { [.scale, .scaleTrend, .scaleWidth].contains(self) }
    /// Whether it reads the residual stream.
    public var needsStream: Bool { self == .streamGrowth }
    /// Whether it is a number without anything to compare with.
    var standsAlone: Bool {
      [
        .earlyLate, .spread, .slope, .perplexity, .bestValue, .peakRate, .scale, .scaleTrend, .streamGrowth,
        .evaluationPerplexity, .accuracy,
      ].contains(self)
    }
  }

  /// What is read of a learned scale in a layer.
  public enum ScaleStatistic: String, Sendable, CaseIterable {
    case median, mean, minimum, maximum
  }

  /// How the layers and operations of a ratio of gradients become one number.
  public enum Take: String, Sendable, CaseIterable {
    /// Their geometric mean.
    case mean
    /// The largest: below 1 where all shrink.
    case largest
    /// The smallest: above 1 where all grow.
    case smallest
  }

  /// What the number must keep to.
  public enum Bound: Equatable, Sendable, CustomStringConvertible {
    /// Under a number.
    case below(Double)
    /// Over a number.
    case above(Double)
    /// Over the first and under the second.
    case between(Double, Double)

    /// Whether a number keeps to it.
    func contains(_ value: Double) -> Bool {
      switch self {
      case .below(let limit): value < limit
      case .above(let limit): value > limit
      case .between(let lower, let upper): value > lower && value < upper
      }
    }

    /// `< 1`.
    public var description: String {
      func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e6 ? "\(Int(value))" : "\(value)"
      }
      return switch self {
      case .below(let limit): "< \(text(limit))"
      case .above(let limit): "> \(text(limit))"
      case .between(let lower, let upper): "\(text(lower)) to \(text(upper))"
      }
    }
  }

  /// The claim in words.
  public var says: String
  /// Where it is made.
  public var source: String
  /// What is measured, and of which cells.
  public var measurement: Measurement
  /// What the number must keep to.
  public var bound: Bound

  /// Creates a claim.
  public init(says: String, source: String, measurement: Measurement, bound: Bound) {
    self.says = says
    self.source = source
    self.measurement = measurement
    self.bound = bound
  }

  /// A part of ``measurement``.
  public subscript<Value>(dynamicMember part: WritableKeyPath<Measurement, Value>) -> Value {
    get { measurement[keyPath: part] }
    set { measurement[keyPath: part] = newValue }
  }
}
