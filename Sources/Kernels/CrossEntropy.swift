import Architecture
import RealModule

/// Token negative log-likelihoods and their gradient, in place of the logits.
///
/// `losses[r] = log Σ_v exp(logits[r, v]) - logits[r, target]`, in nats; then
/// `logits[r, v] = gradientScale * (softmax(logits[r])[v] - [v == target])`. Rows whose target is negative do not count:
/// loss and gradient 0.
///
/// - Parameters:
///   - logits: `(rows, vocabularySize)`; overwritten with their gradient where `gradientScale` is not nil, with
///     something of no use elsewhere.
///   - targets: one token id a row, below the vocabulary size, or negative.
///   - losses: `(rows)`, in float64.
///   - precision: what the gradient is rounded to.
///   - largest: gets 1 where no logit of a row is above the target's, else 0; where not nil.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func crossEntropy<Scalar: KernelScalar>(
  logits: Matrix<Scalar>, targets: Row<Int32>, gradientScale: Scalar?, losses: Row<Double>,
  largest: Row<Int32>? = nil, precision: Precision = .fp32, team: Team
) {
  precondition(targets.count == logits.rows && losses.count == logits.rows)
  team.split(logits.rows, grain: rowGrain(logits.width * 4)) { rows, _ in
    for row in rows {
      let z = logits[row]
      let target = Int(targets[row])
      guard target >= 0 else {
        losses[row] = 0
        largest?[row] = 0
        if gradientScale != nil { z.fill(0) }
        continue
      }
      let targetLogit = z[target]
      let maximum = z.maximum
      largest?[row] = targetLogit >= maximum ? 1 : 0
      let sum = z.exponentiate(subtracting: maximum)
      losses[row] = Double.log(sum) + Double(maximum) - Double(targetLogit)
      guard let gradientScale else { continue }
      let factor = gradientScale / Scalar(sum)
      // The target's own takes the second term before it is rounded.
      let targetGradient = z[target] * factor - gradientScale
      forEachLanes(of: Scalar.self, in: 0..<z.count) { index, count in
        z.store(Scalar.rounded(z.lanes(index, count) * factor, to: precision), index, count)
      }
      z[target] = targetGradient
      z.slice(target..<target + 1).round(to: precision)
    }
  }
}

extension Row where Scalar: KernelScalar {
  @inline(__always)
  func fill(_ value: Scalar) {
    let lanes = Scalar.Lanes(repeating: value)
    forEachLanes(of: Scalar.self, in: 0..<count) { store(lanes, $0, $1) }
  }

  /// The largest element; not a number where any is.
  @inline(__always) var maximum: Scalar {
    var maxima = Scalar.Lanes(repeating: -.infinity)
    forEachLanes(of: Scalar.self, in: 0..<count) { index, count in
      maxima = Scalar.maximum(maxima, Scalar.keeping(lanes(index, count), first: count, else: -.infinity))
    }
    return largest(maxima)
  }

  /// Replaces each element by `exp(element - offset)` and returns their sum, short runs added in `Scalar`, runs in float64.
  @inline(__always)
  func exponentiate(subtracting offset: Scalar) -> Double {
    let laneCount = Self.laneCount
    var total = 0.0
    var start = 0
    while start < count {
      let end = min(count, start + 64 * laneCount)
      var sum = Scalar.Lanes()
      forEachLanes(of: Scalar.self, in: start..<end) { index, count in
        let value = Scalar.keeping(Scalar.exp(lanes(index, count) - offset), first: count, else: 0)
        store(value, index, count)
        sum += value
      }
      total += Double(sum.sum())
      start = end
    }
    return total
  }
}
