/// `x = c tanh(x / c)` in place, logits kept below c (Gemma 2).
///
/// - Parameters: `logits`: `(rows, width)`; `slopes`: the same shape, gets the derivative `1 - tanh²` where not nil.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func softCapForward<Scalar: KernelScalar>(
  at cap: Scalar, logits: Matrix<Scalar>, slopes: Matrix<Scalar>?, team: Team
) {
  precondition(slopes.map { $0.hasShape(of: logits) } ?? true)
  team.split(logits.rows, grain: rowGrain(logits.width * 4)) { rows, _ in
    for row in rows {
      let z = logits[row]
      let slope = slopes?[row]
      forEachLanes(of: Scalar.self, in: 0..<z.count) { index, count in
        let tangent = Scalar.tanh(z.lanes(index, count) * (1 / cap))
        z.store(tangent * cap, index, count)
        slope?.store(1 - tangent * tangent, index, count)
      }
    }
  }
}

/// The gradient of ``softCapForward``: `dX = dY ∘ slopes`, in place.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func softCapBackward<Scalar: KernelScalar>(
  gradient: Matrix<Scalar>, slopes: Matrix<Scalar>, team: Team
) {
  precondition(slopes.hasShape(of: gradient))
  team.split(gradient.rows, grain: rowGrain(gradient.width)) { rows, _ in
    for row in rows {
      let dX = gradient[row]
      forEachLanes(of: Scalar.self, in: 0..<dX.count) { index, count in
        dX.store(dX.lanes(index, count) * slopes[row].lanes(index, count), index, count)
      }
    }
  }
}
