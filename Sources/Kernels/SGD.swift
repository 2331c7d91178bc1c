/// The numbers of one update by stochastic gradient descent, as `torch.optim.SGD` defines it, with decoupled weight decay.
public struct SGDUpdate: Sendable {
  /// Learning rate of this update.
  public var learningRate: Double
  /// The share of the velocity that is kept.
  public var momentum: Double
  /// Decoupled weight decay.
  public var weightDecay: Double
  /// Factor in front of the gradient: the clip coefficient.
  public var gradientFactor: Double

  /// Creates the numbers of one update.
  public init(learningRate: Double, momentum: Double, weightDecay: Double, gradientFactor: Double) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.gradientFactor = gradientFactor
  }
}

/// Updates parameters in place.
///
/// `v = μ v + g`, `p = (1 - lr·wd) p - lr · v`, with g the gradient times `gradientFactor`. PyTorch adds `wd · p` to g, which
/// is the same where μ is 0; decoupled as here (SGDW, Loshchilov & Hutter 2019) decay does not enter the velocity.
///
/// - Parameters:
///   - parameters: all rows are `(count)`; the gradient is not changed.
///   - sums: takes the sums of weights and changes where it is given; the parameters come out the same.
///   - firstElement: where the row begins in the memory that `sums` knows.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func sgd<Scalar: KernelScalar>(
  _ update: SGDUpdate, parameters: Row<Scalar>, gradients: Row<Scalar>, velocity: Row<Scalar>,
  sums: UpdateSums? = nil, firstElement: Int = 0, team: Team
) {
  precondition(gradients.count == parameters.count && velocity.count == parameters.count)
  let momentum = Scalar(update.momentum)
  let kept = Scalar(1 - update.learningRate * update.weightDecay)
  let rate = Scalar(update.learningRate)
  let factor = Scalar(update.gradientFactor)
  team.update(parameters, sums: sums, firstElement: firstElement) { index, count in
    let v = velocity.lanes(index, count) * momentum + gradients.lanes(index, count) * factor
    velocity.store(v, index, count)
    let before = parameters.lanes(index, count)
    let after = before * kept - v * rate
    parameters.store(after, index, count)
    return (before, after)
  }
}
