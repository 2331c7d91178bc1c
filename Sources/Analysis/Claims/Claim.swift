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

    /// Whether numbers of seeds are put together by their logarithms.
    var isRatio: Bool { self != .slope }
    /// Whether it reads gradients.
    public var needsGradients: Bool {
      switch self {
      case .earlyLate, .spread, .slope, .gradient: true
      case .perplexity, .stepSeconds, .parameters: false
      }
    }
    /// Whether it is a number without anything to compare with.
    var standsAlone: Bool { self == .earlyLate || self == .spread || self == .slope || self == .perplexity }
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
  /// What the number must keep to.
  public var bound: Bound

  /// Creates a claim.
  public init(
    says: String, source: String, measure: Measure, of: [String: String], against: [String: String] = [:],
    operations: [String] = ["fc2.weight"], layers: LayerSelection = .all, take: Take = .mean,
    window: StepWindow? = nil, from: StepWindow? = nil, normalizer: RatioNormalizer = .none, bound: Bound
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
    self.bound = bound
  }

  /// What is missing for it to be measured at all; nil where nothing is.
  public var problem: String? {
    if !measure.standsAlone, against.isEmpty, !(measure == .gradient && from != nil) {
      return "\(measure.rawValue) needs `against`"
        + (measure == .gradient ? ", or `from` with an earlier window" : "")
    }
    if from != nil, measure != .gradient { return "`from` goes with the measure gradient alone" }
    if from != nil, !against.isEmpty { return "`from` and `against` exclude each other" }
    return nil
  }
}
