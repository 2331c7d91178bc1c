/// What operations' outputs and heads of attention were like over some steps of a run.
public struct OutputSummary: Equatable, Sendable {
  /// One operation's output: means over the steps of what a step's passes add up to.
  public struct Output: Equatable, Sendable {
    /// The operation.
    public var place: OperationPlace
    /// Elements; 0 where a layer has no such operation.
    public var count: Double
    /// Σ|x|.
    public var l1: Double
    /// Σx².
    public var sumSquares: Double
    /// Σx⁴.
    public var fourthPowers: Double
    /// max|x| over all of the steps.
    public var maxAbs: Double

    /// Creates the summary of one output.
    public init(
      place: OperationPlace, count: Double, l1: Double, sumSquares: Double, fourthPowers: Double,
      maxAbs: Double
    ) {
      self.place = place
      self.count = count
      self.l1 = l1
      self.sumSquares = sumSquares
      self.fourthPowers = fourthPowers
      self.maxAbs = maxAbs
    }

    /// √(Σx²/n); not a number where there is no element.
    public var rms: Double { (sumSquares / count).squareRoot() }
  }

  /// One head of attention.
  public struct Head: Equatable, Sendable {
    /// Its layer.
    public var layer: Int
    /// Its place in the layer.
    public var head: Int
    /// Mean entropy of a query's probabilities, nats.
    public var entropy: Double
    /// The largest logit over all of the steps, before any cap.
    public var maxLogit: Double
    /// Mean probability of the sequence's first token.
    public var firstShare: Double

    /// Creates the summary of one head.
    public init(layer: Int, head: Int, entropy: Double, maxLogit: Double, firstShare: Double) {
      self.layer = layer
      self.head = head
      self.entropy = entropy
      self.maxLogit = maxLogit
      self.firstShare = firstShare
    }
  }

  /// The first and the last of the steps.
  public var steps: ClosedRange<Int>
  /// The operations, in the order of the forward pass.
  public var outputs: [Output]
  /// The heads, layer by layer; none where attention was not looked at.
  public var heads: [Head]

  /// Creates a summary.
  public init(steps: ClosedRange<Int>, outputs: [Output], heads: [Head]) {
    self.steps = steps
    self.outputs = outputs
    self.heads = heads
  }
}
