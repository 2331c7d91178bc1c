/// `output = gelu(input) = input * Φ(input)`, Φ the standard normal distribution function (Hendrycks & Gimpel 2016, the
/// exact form).
///
/// - Parameters: `input`, `output`: `(rows, width)`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func geluForward<Scalar: KernelScalar>(
  input: Matrix<Scalar>, into output: Matrix<Scalar>, team: Team
) {
  precondition(input.hasShape(of: output))
  team.split(input.rows, grain: rowGrain(input.width * 4)) { rows, _ in
    for row in rows {
      let x = input[row]
      let y = output[row]
      forEachLanes(of: Scalar.self, in: 0..<x.count) { index, count in
        y.store(Gelu<Scalar>(x.lanes(index, count)).value, index, count)
      }
    }
  }
}

/// The gradient of ``geluForward``: `dX = dY (Φ(x) + x φ(x))`, φ the standard normal density. Overwrites `inputGradient`,
/// which may be the same memory as `outputGradient`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func geluBackward<Scalar: KernelScalar>(
  outputGradient: Matrix<Scalar>, input: Matrix<Scalar>, into inputGradient: Matrix<Scalar>, team: Team
) {
  precondition(input.hasShape(of: outputGradient) && input.hasShape(of: inputGradient))
  team.split(input.rows, grain: rowGrain(input.width * 4)) { rows, _ in
    for row in rows {
      let x = input[row]
      let dY = outputGradient[row]
      let dX = inputGradient[row]
      forEachLanes(of: Scalar.self, in: 0..<x.count) { index, count in
        dX.store(dY.lanes(index, count) * Gelu<Scalar>(x.lanes(index, count)).derivative, index, count)
      }
    }
  }
}

/// `output = gelu(a) * b`, the halves of `input = [a, b]` (FFN GeGLU of Shazeer 2020).
///
/// - Parameters: `input`: `(rows, 2 * width)`; `output`: `(rows, width)`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func gegluForward<Scalar: KernelScalar>(
  input: Matrix<Scalar>, into output: Matrix<Scalar>, team: Team
) {
  let width = output.width
  precondition(input.rows == output.rows && input.width == 2 * width)
  team.split(input.rows, grain: rowGrain(width * 4)) { rows, _ in
    for row in rows {
      let x = input[row]
      let y = output[row]
      forEachLanes(of: Scalar.self, in: 0..<width) { index, count in
        y.store(Gelu<Scalar>(x.lanes(index, count)).value * x.lanes(width + index, count), index, count)
      }
    }
  }
}

/// The gradient of ``gegluForward``: `da = dY b gelu'(a)`, `db = dY gelu(a)`. Overwrites `inputGradient`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func gegluBackward<Scalar: KernelScalar>(
  outputGradient: Matrix<Scalar>, input: Matrix<Scalar>, into inputGradient: Matrix<Scalar>, team: Team
) {
  let width = outputGradient.width
  precondition(input.hasShape(of: inputGradient) && input.width == 2 * width)
  team.split(input.rows, grain: rowGrain(width * 4)) { rows, _ in
    for row in rows {
      let x = input[row]
      let dY = outputGradient[row]
      let dX = inputGradient[row]
      forEachLanes(of: Scalar.self, in: 0..<width) { index, count in
        let gelu = Gelu<Scalar>(x.lanes(index, count))
        let upstream = dY.lanes(index, count)
        dX.store(upstream * x.lanes(width + index, count) * gelu.derivative, index, count)
        dX.store(upstream * gelu.value, width + index, count)
      }
    }
  }
}

/// GELU and its derivative, which share the exponential.
private struct Gelu<Scalar: KernelScalar> {
  let x: Scalar.Lanes
  let exponential: Scalar.Lanes
  let distribution: Scalar.Lanes

  @inline(__always)
  init(_ x: Scalar.Lanes) {
    self.x = x
    exponential = Scalar.exp(x * x * -0.5)
    distribution = Scalar.normalCDF(x, exponential: exponential)
  }

  @inline(__always) var value: Scalar.Lanes { x * distribution }

  /// 1/√(2π) = 0.3989422804014327.
  @inline(__always) var derivative: Scalar.Lanes {
    distribution + x * exponential * Scalar(0.3989422804014327)
  }
}
