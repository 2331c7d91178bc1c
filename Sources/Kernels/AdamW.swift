/// The numbers of one AdamW update, as `torch.optim.AdamW` defines it (Loshchilov & Hutter 2019).
public struct AdamWUpdate: Sendable {
  /// Learning rate of this update.
  public var learningRate: Double
  /// Decay rates of the moments.
  public var beta1: Double
  /// Decay rate of the second moment.
  public var beta2: Double
  /// Added to the root of the second moment.
  public var epsilon: Double
  /// Decoupled weight decay.
  public var weightDecay: Double
  /// Factor in front of the gradient: the clip coefficient.
  public var gradientFactor: Double
  /// Updates made so far, this one included: 1 for the first.
  public var updateCount: Int

  /// Creates the numbers of one update.
  public init(
    learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double,
    gradientFactor: Double, updateCount: Int
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.gradientFactor = gradientFactor
    self.updateCount = updateCount
  }
}

/// Updates parameters in place.
///
/// `m = β1 m + (1-β1) g`, `v = β2 v + (1-β2) g²`,
/// `p = (1 - lr·wd) p - lr · m / (1-β1ᵗ) / (sqrt(v / (1-β2ᵗ)) + ε)`, with g the gradient times `gradientFactor`.
///
/// - Parameters:
///   - parameters: all rows are `(count)`; the gradient is not changed.
///   - sums: takes the sums of weights and changes where it is given; the parameters come out the same.
///   - firstElement: where the row begins in the memory that `sums` knows.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func adamW<Scalar: KernelScalar>(
  _ update: AdamWUpdate, parameters: Row<Scalar>, gradients: Row<Scalar>, firstMoment: Row<Scalar>,
  secondMoment: Row<Scalar>, sums: UpdateSums? = nil, firstElement: Int = 0, team: Team
) {
  precondition(gradients.count == parameters.count && firstMoment.count == parameters.count)
  precondition(secondMoment.count == parameters.count)
  let correction1 = 1 - power(update.beta1, update.updateCount)
  let correction2 = 1 - power(update.beta2, update.updateCount)
  let beta1 = Scalar(update.beta1)
  let beta2 = Scalar(update.beta2)
  let share1 = Scalar(1 - update.beta1)
  let share2 = Scalar(1 - update.beta2)
  let kept = Scalar(1 - update.learningRate * update.weightDecay)
  let rate = Scalar(update.learningRate / correction1)
  let rootCorrection = Scalar(1 / correction2.squareRoot())
  let epsilon = Scalar(update.epsilon)
  let factor = Scalar(update.gradientFactor)
  team.update(parameters, sums: sums, firstElement: firstElement) { index, count in
    let g = gradients.lanes(index, count) * factor
    let m = firstMoment.lanes(index, count) * beta1 + g * share1
    let v = secondMoment.lanes(index, count) * beta2 + g * g * share2
    firstMoment.store(m, index, count)
    secondMoment.store(v, index, count)
    let denominator = Scalar.squareRoot(v) * rootCorrection + epsilon
    let before = parameters.lanes(index, count)
    let after = before * kept - m / denominator * rate
    parameters.store(after, index, count)
    return (before, after)
  }
}

/// `base` to a whole power, by squaring.
private func power(_ base: Double, _ exponent: Int) -> Double {
  var (result, square, rest) = (1.0, base, exponent)
  while rest > 0 {
    if rest & 1 == 1 { result *= square }
    square *= square
    rest >>= 1
  }
  return result
}
