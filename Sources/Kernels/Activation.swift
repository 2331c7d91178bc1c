import Architecture

/// `output = f(input)`.
///
/// - Parameters: `input`, `output`: `(rows, width)`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func activationForward<Scalar: KernelScalar>(
  _ function: ActivationFunction, input: Matrix<Scalar>, into output: Matrix<Scalar>, team: Team
) {
  switch function {
  case .gelu: forward(Gelu<Scalar>.self, input, output, team)
  case .tanhGelu: forward(TanhGelu<Scalar>.self, input, output, team)
  case .relu: forward(Relu<Scalar>.self, input, output, team)
  case .silu: forward(Silu<Scalar>.self, input, output, team)
  }
}

/// The gradient of ``activationForward``: `dX = dY f'(x)`. Overwrites `inputGradient`, which may be the same memory as
/// `outputGradient`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func activationBackward<Scalar: KernelScalar>(
  _ function: ActivationFunction, outputGradient: Matrix<Scalar>, input: Matrix<Scalar>,
  into inputGradient: Matrix<Scalar>, team: Team
) {
  switch function {
  case .gelu: backward(Gelu<Scalar>.self, outputGradient, input, inputGradient, team)
  case .tanhGelu: backward(TanhGelu<Scalar>.self, outputGradient, input, inputGradient, team)
  case .relu: backward(Relu<Scalar>.self, outputGradient, input, inputGradient, team)
  case .silu: backward(Silu<Scalar>.self, outputGradient, input, inputGradient, team)
  }
}

/// `output = f(a) ∘ b`, the halves of `input = [a, b]`: a gated FFN (Shazeer 2020: GeGLU, ReGLU, SwiGLU).
///
/// - Parameters: `input`: `(rows, 2 * width)`; `output`: `(rows, width)`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func gatedForward<Scalar: KernelScalar>(
  _ function: ActivationFunction, input: Matrix<Scalar>, into output: Matrix<Scalar>, team: Team
) {
  switch function {
  case .gelu: gatedForward(Gelu<Scalar>.self, input, output, team)
  case .tanhGelu: gatedForward(TanhGelu<Scalar>.self, input, output, team)
  case .relu: gatedForward(Relu<Scalar>.self, input, output, team)
  case .silu: gatedForward(Silu<Scalar>.self, input, output, team)
  }
}

/// The gradient of ``gatedForward``: `da = dY b f'(a)`, `db = dY f(a)`. Overwrites `inputGradient`.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func gatedBackward<Scalar: KernelScalar>(
  _ function: ActivationFunction, outputGradient: Matrix<Scalar>, input: Matrix<Scalar>,
  into inputGradient: Matrix<Scalar>, team: Team
) {
  switch function {
  case .gelu: gatedBackward(Gelu<Scalar>.self, outputGradient, input, inputGradient, team)
  case .tanhGelu: gatedBackward(TanhGelu<Scalar>.self, outputGradient, input, inputGradient, team)
  case .relu: gatedBackward(Relu<Scalar>.self, outputGradient, input, inputGradient, team)
  case .silu: gatedBackward(Silu<Scalar>.self, outputGradient, input, inputGradient, team)
  }
}

// MARK: - One loop for every formula

@inline(__always)
private func forward<Formula: ActivationFormula>(
  _: Formula.Type, _ input: Matrix<Formula.Scalar>, _ output: Matrix<Formula.Scalar>, _ team: Team
) {
  precondition(input.hasShape(of: output))
  team.split(input.rows, grain: rowGrain(input.width * 4)) { rows, _ in
    for row in rows {
      let x = input[row]
      let y = output[row]
      forEachLanes(of: Formula.Scalar.self, in: 0..<x.count) { index, count in
        y.store(Formula(x.lanes(index, count)).value, index, count)
      }
    }
  }
}

@inline(__always)
private func backward<Formula: ActivationFormula>(
  _: Formula.Type, _ outputGradient: Matrix<Formula.Scalar>, _ input: Matrix<Formula.Scalar>,
  _ inputGradient: Matrix<Formula.Scalar>, _ team: Team
) {
  precondition(input.hasShape(of: outputGradient) && input.hasShape(of: inputGradient))
  team.split(input.rows, grain: rowGrain(input.width * 4)) { rows, _ in
    for row in rows {
      let x = input[row]
      let dY = outputGradient[row]
      let dX = inputGradient[row]
      forEachLanes(of: Formula.Scalar.self, in: 0..<x.count) { index, count in
        dX.store(dY.lanes(index, count) * Formula(x.lanes(index, count)).derivative, index, count)
      }
    }
  }
}

@inline(__always)
private func gatedForward<Formula: ActivationFormula>(
  _: Formula.Type, _ input: Matrix<Formula.Scalar>, _ output: Matrix<Formula.Scalar>, _ team: Team
) {
  let width = output.width
  precondition(input.rows == output.rows && input.width == 2 * width)
  team.split(input.rows, grain: rowGrain(width * 4)) { rows, _ in
    for row in rows {
      let x = input[row]
      let y = output[row]
      forEachLanes(of: Formula.Scalar.self, in: 0..<width) { index, count in
        y.store(Formula(x.lanes(index, count)).value * x.lanes(width + index, count), index, count)
      }
    }
  }
}

@inline(__always)
private func gatedBackward<Formula: ActivationFormula>(
  _: Formula.Type, _ outputGradient: Matrix<Formula.Scalar>, _ input: Matrix<Formula.Scalar>,
  _ inputGradient: Matrix<Formula.Scalar>, _ team: Team
) {
  let width = outputGradient.width
  precondition(input.hasShape(of: inputGradient) && input.width == 2 * width)
  team.split(input.rows, grain: rowGrain(width * 4)) { rows, _ in
    for row in rows {
      let x = input[row]
      let dY = outputGradient[row]
      let dX = inputGradient[row]
      forEachLanes(of: Formula.Scalar.self, in: 0..<width) { index, count in
        let gate = Formula(x.lanes(index, count))
        let upstream = dY.lanes(index, count)
        dX.store(upstream * x.lanes(width + index, count) * gate.derivative, index, count)
        dX.store(upstream * gate.value, width + index, count)
      }
    }
  }
}
