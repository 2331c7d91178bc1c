import RealModule

/// Student's t distribution with a whole number of degrees of freedom.
public enum StudentT {
  /// P(|T| <= t), by the finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4.
  package static func centralProbability(within bound: Double, degreesOfFreedom: Int) -> Double {
    let ratio = bound / Double(degreesOfFreedom).squareRoot()
    let cosineSquared = 1 / (1 + ratio * ratio)
    let sine = ratio * cosineSquared.squareRoot()
    let isOdd = degreesOfFreedom % 2 == 1
    var term = isOdd ? cosineSquared.squareRoot() : 1
    var sum = degreesOfFreedom > 1 ? term : 0
    for power in stride(from: isOdd ? 2 : 1, to: degreesOfFreedom - 1, by: 2) {
      term *= cosineSquared * Double(power) / Double(power + 1)
      sum += term
    }
    return isOdd ? (Double.atan(ratio) + sine * sum) * 2 / .pi : sine * sum
  }

  /// The t with P(|T| <= t) = `probability`, by bisection to the last bit.
  /// - Precondition: `probability` lies in (0, 1) and there is at least one degree of freedom.
  package static func quantile(central probability: Double, degreesOfFreedom: Int) -> Double {
    precondition(degreesOfFreedom > 0 && probability > 0 && probability < 1)
    var (low, high) = (0.0, 1.0)
    while centralProbability(within: high, degreesOfFreedom: degreesOfFreedom) < probability { high *= 2 }
    while true {
      let middle = (low + high) / 2
      guard middle > low, middle < high else { return middle }
      if centralProbability(within: middle, degreesOfFreedom: degreesOfFreedom) < probability {
        low = middle
      } else {
        high = middle
      }
    }
  }

  /// The 95 % interval of the mean of independent `samples`: mean ± t · s / √n with n - 1 degrees of freedom.
  /// - Precondition: there are at least two samples.
  public static func interval(of samples: [Double]) -> Interval {
    let count = Double(samples.count)
    let mean = samples.reduce(0, +) / count
    let variance = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
    let reach =
      quantile(central: 0.95, degreesOfFreedom: samples.count - 1) * (variance / count).squareRoot()
    return Interval(lower: mean - reach, upper: mean + reach)
  }
}
