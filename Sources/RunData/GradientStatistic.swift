/// One number per tensor and step that the commands can show, derived from what a run file holds.
public enum GradientStatistic: String, Sendable, CaseIterable {
  /// Σ|g|: what the paper plots.
  case l1
  /// √Σg².
  case l2
  /// √(Σg²/n): comparable between tensors of different size.
  case rms
  /// Σ|g|/n.
  case mean
  /// √(Σw²/n) of the weights after the step's update.
  case weightRMS = "weight-rms"
  /// √(Σu²/n) of what the step's update changed.
  case updateRMS = "update-rms"
  /// RMS of the update over RMS of the weights after it; a tensor of zeros has none.
  case updateOverWeight = "update/weight"

  /// What the statistic is of.
  public enum Subject: Sendable {
    case gradient, weights, update, updateOverWeights
  }

  /// What the statistic is of.
  public var subject: Subject {
    switch self {
    case .l1, .l2, .rms, .mean: .gradient
    case .weightRMS: .weights
    case .updateRMS: .update
    case .updateOverWeight: .updateOverWeights
    }
  }

  /// Sums that are recorded of every tensor, as they are read.
  public enum Sum: Sendable {
    /// Σ|g|.
    case l1
    /// Σg².
    case sumSquares
    /// Σw² and Σu².
    case ofParameters

    /// Those that every run file holds.
    public static let ofGradients: [Sum] = [.l1, .sumSquares]
  }

  /// What the statistic is made of.
  public var sum: Sum {
    switch self {
    case .l1, .mean: .l1
    case .l2, .rms: .sumSquares
    case .weightRMS, .updateRMS, .updateOverWeight: .ofParameters
    }
  }

  /// Whether it is of the gradient, which every run file holds.
  public var isOfGradient: Bool { subject == .gradient }

  /// The statistic of one tensor's gradient.
  public func value(of sums: TensorSums) -> Double {
    value(of: StatisticSums(l1: sums.l1, sumSquares: sums.sumSquares, count: sums.count))
  }

  /// The statistic of a gradient from the stored sums; not a number where `count` is 0.
  public func value(l1: Double, sumSquares: Double, count: Int) -> Double {
    value(of: StatisticSums(l1: l1, sumSquares: sumSquares, count: count))
  }

  /// The statistic from the stored sums; not a number where `count` is 0, and where a divisor is.
  public func value(of sums: StatisticSums) -> Double {
    guard sums.count > 0 else { return .nan }
    func rms(_ squares: Double) -> Double { (squares / Double(sums.count)).squareRoot() }
    switch self {
    case .l1: return sums.l1
    case .l2: return sums.sumSquares.squareRoot()
    case .rms: return rms(sums.sumSquares)
    case .mean: return sums.l1 / Double(sums.count)
    case .weightRMS: return rms(sums.weightSquares)
    case .updateRMS: return rms(sums.updateSquares)
    case .updateOverWeight:
      return sums.weightSquares > 0 ? (sums.updateSquares / sums.weightSquares).squareRoot() : .nan
    }
  }
}

/// What statistics are made of, at one step; of several tensors added up.
public struct StatisticSums: Equatable, Sendable {
  /// Σ|g|.
  public var l1: Double
  /// Σg².
  public var sumSquares: Double
  /// Σw² after the update; not a number where it was not measured.
  public var weightSquares: Double
  /// Σu² of the update; not a number where it was not measured.
  public var updateSquares: Double
  /// Elements.
  public var count: Int

  /// Creates sums.
  public init(
    l1: Double, sumSquares: Double, weightSquares: Double = .nan, updateSquares: Double = .nan, count: Int
  ) {
    self.l1 = l1
    self.sumSquares = sumSquares
    self.weightSquares = weightSquares
    self.updateSquares = updateSquares
    self.count = count
  }

  /// The sums over no tensor.
  public static let none = StatisticSums(l1: 0, sumSquares: 0, weightSquares: 0, updateSquares: 0, count: 0)

  /// The sums over two disjoint sets of tensors.
  public static func + (first: StatisticSums, second: StatisticSums) -> StatisticSums {
    StatisticSums(
      l1: first.l1 + second.l1, sumSquares: first.sumSquares + second.sumSquares,
      weightSquares: first.weightSquares + second.weightSquares,
      updateSquares: first.updateSquares + second.updateSquares, count: first.count + second.count)
  }
}
