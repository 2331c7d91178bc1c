/// What the gradients of a run are gradients of, and at which point of the step they were measured.
///
/// Two runs may be compared only where their contracts agree. A run recorded outside this program states what it
/// knows; what it does not know is `unknown`, never a guess.
public struct NumberContract: Hashable, Sendable {
  /// The value that stands for "the recorder could not tell".
  public static let unknown = "unknown"

  /// The differentiated loss, e.g. `token negative log-likelihood`.
  public var loss: String
  /// How token losses become one number: `mean` or `sum` over the tokens that `scope` names.
  public var reduction: String
  /// The tokens that the reduction runs over: `global batch` is all micro-batches of all workers.
  public var scope: String
  /// The unit of the loss: `nats` or `bits`.
  public var unit: String
  /// The factor that the gradients still carry; 1 means unscaled.
  public var gradientScale: String
  /// Where in the step the gradients are read: `before clipping, before weight decay`.
  public var measuredAt: String
  /// The floating-point type that the sums were accumulated in.
  public var accumulation: String
  /// The objective: `causal` or `masked`.
  public var objective: String

  /// Creates a contract from its labels.
  public init(
    loss: String, reduction: String, scope: String, unit: String, gradientScale: String,
    measuredAt: String, accumulation: String, objective: String
  ) {
    self.loss = loss
    self.reduction = reduction
    self.scope = scope
    self.unit = unit
    self.gradientScale = gradientScale
    self.measuredAt = measuredAt
    self.accumulation = accumulation
    self.objective = objective
  }

  /// The contract of our own training loop: mean token negative log-likelihood in nats over the global batch,
  /// unscaled, before clipping and before weight decay, summed in float64.
  public static func ours(objective: String) -> NumberContract {
    NumberContract(
      loss: "token negative log-likelihood", reduction: "mean", scope: "global batch", unit: "nats",
      gradientScale: "1", measuredAt: "before clipping, before weight decay", accumulation: "float64",
      objective: objective)
  }

  /// The contract of a run of ours that learns to judge whole sequences: the mean loss of the examples of a batch.
  ///
  /// - Parameter isScore: whether the answer is a number, and the loss its squared error; else it is a class, and the loss its negative
  ///   log-likelihood.
  public static func ofExamples(isScore: Bool) -> NumberContract {
    var contract = ours(objective: isScore ? "regression" : "classification")
    contract.loss = perExample + (isScore ? "squared error" : "negative log-likelihood")
    if isScore { contract.unit = "squared score" }
    return contract
  }

  private static let perExample = "example "

  /// Whether losses are of whole examples rather than of tokens.
  public var isPerExample: Bool { loss.hasPrefix(Self.perExample) }

  /// Whether losses are mean token losses in nats, so that floors of a corpus hold for them and e to them is a perplexity.
  public var isNatsPerToken: Bool { unit == "nats" && reduction == "mean" && !isPerExample }

  /// What losses are in, in words, e.g. `nats/token`.
  public var lossUnit: String {
    guard unit != Self.unknown else { return "unit unknown" }
    return reduction == "mean"
      ? "\(unit)/\(isPerExample ? "example" : "token")" : "\(unit), reduction \(reduction)"
  }

  /// The labels by the attribute name that they carry in a run file, in file order.
  public var labels: [(name: String, value: String)] {
    [
      ("loss", loss), ("reduction", reduction), ("scope", scope), ("unit", unit),
      ("gradient_scale", gradientScale), ("measured_at", measuredAt), ("accumulation", accumulation),
      ("objective", objective),
    ]
  }

  /// The labels in which `self` and `other` differ, e.g. `["reduction: mean / sum"]`.
  ///
  /// `unknown` differs from everything, itself included: two unknowns are not known to be equal.
  public func differences(from other: NumberContract) -> [String] {
    zip(labels, other.labels).compactMap { mine, theirs in
      mine.value == theirs.value && mine.value != Self.unknown
        ? nil : "\(mine.name): \(mine.value) / \(theirs.value)"
    }
  }
}
