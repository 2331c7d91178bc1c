/// Something that a paper says, as a number that runs can be measured by and the bound that it must keep.
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

    /// Whether numbers of seeds are put together by their logarithms.
    var isRatio: Bool { self != .slope && self != .scale && self != .scaleTrend }
    /// Whether it reads gradients.
    public var needsGradients: Bool { [.earlyLate, .spread, .slope, .gradient].contains(self) }
    /// Whether it reads learned scales.
    public var needsScales: Bool { [.scale, .scaleTrend, .scaleWidth].contains(self) }
    /// Whether it is a number without anything to compare with.
    var standsAlone: Bool {
      [.earlyLate, .spread, .slope, .perplexity, .bestValue, .peakRate, .scale, .scaleTrend].contains(self)
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
  /// What is measured.
  public var measure: Measure
  /// The values of some axes that name the cell it is about.
  public var of: [String: String]
  /// Those of the cell that it is compared with; empty for none.
  public var against: [String: String]
  /// Tensors within a layer.
  public var operations: [String]
  /// The layers that a ratio of gradients runs over.
  public var layers: LayerSelection
  /// How they become one number.
  public var take: Take
  /// The steps that means run over; nil for the second half.
  public var window: StepWindow?
  /// An earlier window that the gradient is compared with; nil for none.
  public var from: StepWindow?
  /// What gradients are divided by before they are compared.
  public var normalizer: RatioNormalizer
  /// The learned scale that is measured: a tensor within a layer, e.g. `c_attn`, `ffn_layernorm.weight`.
  public var scale: String?
  /// What is read of it.
  public var statistic: ScaleStatistic
  /// The other scale that a width is compared with.
  public var otherScale: String?
  /// What the number must keep to.
  public var bound: Bound

  /// Creates a claim.
  public init(
    says: String, source: String, measure: Measure, of: [String: String], against: [String: String] = [:],
    operations: [String] = [OperationChoice.usual], layers: LayerSelection = .all, take: Take = .mean,
    window: StepWindow? = nil, from: StepWindow? = nil, normalizer: RatioNormalizer = .none,
    scale: String? = nil, statistic: ScaleStatistic = .median, otherScale: String? = nil, bound: Bound
  ) {
    self.says = says
    self.source = source
    self.measure = measure
    self.of = of
    self.against = against
    self.operations = operations
    self.layers = layers
    self.take = take
    self.window = window
    self.from = from
    self.normalizer = normalizer
    self.scale = scale
    self.statistic = statistic
    self.otherScale = otherScale
    self.bound = bound
  }

  /// What is missing for it to be measured at all; nil where nothing is.
  public var problem: String? {
    if let problem = scaleProblem { return problem }
    if !measure.standsAlone, against.isEmpty, otherScale == nil, !(measure == .gradient && from != nil) {
      return "\(measure.rawValue) needs `against`"
        + (measure == .gradient ? ", or `from` with an earlier window" : "")
    }
    if from != nil, measure != .gradient { return "`from` goes with the measure gradient alone" }
    if from != nil, !against.isEmpty { return "`from` and `against` exclude each other" }
    return nil
  }

  private var scaleProblem: String? {
    if measure.needsScales != (scale != nil) {
      return measure.needsScales
        ? "\(measure.rawValue) needs `scale`, e.g. c_attn" : "`scale` goes with the measures of scales alone"
    }
    if otherScale != nil, measure != .scaleWidth { return "`than` goes with the measure scale width alone" }
    if otherScale != nil, !against.isEmpty { return "`than` and `against` exclude each other" }
    if measure == .scaleWidth, otherScale == nil, against.isEmpty {
      return "scale width needs `than`, another scale, or `against`"
    }
    return nil
  }
}
