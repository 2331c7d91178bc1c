import RunData

/// What is measured of each seed's run of a cell, alone or beside another cell's.
public struct Measurement: Sendable {
  /// What is measured.
  public var measure: Claim.Measure
  /// The values of some axes that name the cell.
  public var of: [String: String]
  /// Those of the cell that it is compared with; empty for none.
  public var against: [String: String]
  /// Tensors within a layer.
  public var operations: [String]
  /// The layers that it runs over.
  public var layers: LayerSelection
  /// How they become one number.
  public var take: Claim.Take
  /// The steps that means run over; nil for the second half.
  public var window: StepWindow?
  /// An earlier window that the gradient is compared with; nil for none.
  public var from: StepWindow?
  /// What gradients are divided by before they are compared.
  public var normalizer: RatioNormalizer
  /// The learned scale that is measured: a tensor within a layer, e.g. `c_attn`, `ffn_layernorm.weight`.
  public var scale: String?
  /// What is read of it.
  public var statistic: Claim.ScaleStatistic
  /// The other scale that a width is compared with.
  public var otherScale: String?
  /// The text or task whose evaluation is read; nil for the only one of its kind.
  public var evaluated: String?
  /// What the loss of a text is divided by.
  public var unit: EvaluationLayout.Unit

  /// Creates a measurement.
  public init(
    _ measure: Claim.Measure, of: [String: String], against: [String: String] = [:],
    operations: [String] = [OperationChoice.usual], layers: LayerSelection = .all,
    take: Claim.Take = .mean, window: StepWindow? = nil, from: StepWindow? = nil,
    normalizer: RatioNormalizer = .none, scale: String? = nil,
    statistic: Claim.ScaleStatistic = .median, otherScale: String? = nil,
    evaluated: String? = nil, unit: EvaluationLayout.Unit = .token
  ) {
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
    self.evaluated = evaluated
    self.unit = unit
  }

  /// What is missing for it to be measured at all; nil where nothing is.
  public var problem: String? {
    if let problem = scaleProblem { return problem }
    if !measure.standsAlone, against.isEmpty, otherScale == nil, !(measure == .gradient && from != nil) {
      return "\(measure.rawValue) needs `against`"
        + (measure == .gradient ? ", or `from` with an earlier window" : "")
    }
    if evaluated != nil, !measure.needsEvaluations {
      return "`evaluated` goes with evaluation perplexity and accuracy alone"
    }
    if unit != .token, measure != .evaluationPerplexity {
      return "`by` goes with evaluation perplexity alone"
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
