import Architecture
import Kernels

// The steps that multiply matrices: of rounded numbers, or natively of halves.
extension Block {
  /// Computes a linear map, its output rounded.
  func multiply(
    _ linear: LinearParameters, _ input: Matrix<Scalar>, into output: Matrix<Scalar>, _ pass: Pass<Scalar>
  ) {
    let bias = linear.biases.isEmpty ? nil : joined(parameters, linear.biases)
    if let halves = nativeInputs[linear.weights.lowerBound] {
      narrowElements(input, into: halves, team: pass.team)
      linearForward(
        input: halves,
        weight: joined(nativeParameters, linear.weights).matrix(width: linear.inputWidth), bias: bias,
        into: output, precision: pass.precision, team: pass.team)
    } else {
      linearForward(
        input: input, weight: joined(parameters, linear.weights).matrix(width: linear.inputWidth), bias: bias,
        into: output, precision: pass.precision, team: pass.team)
    }
  }

  /// The gradients of a linear map, the weights' rounded.
  func multiplyBackward(
    _ linear: LinearParameters, outputGradient: Matrix<Scalar>, input: Matrix<Scalar>,
    into inputGradient: Matrix<Scalar>, adding: Bool, accumulating: Bool, _ pass: Pass<Scalar>
  ) {
    let weightGradient = joined(gradients, linear.weights).matrix(width: linear.inputWidth)
    if let native = pass.native, let halves = nativeInputs[linear.weights.lowerBound] {
      linearBackward(
        outputGradient: native.outputGradient(width: linear.outputWidth), input: halves,
        weight: joined(nativeParameters, linear.weights).matrix(width: linear.inputWidth),
        weightGradient: weightGradient, accumulating: accumulating, inputGradient: inputGradient,
        accumulatingInput: adding, precision: pass.precision, team: pass.team)
    } else {
      linearBackward(
        outputGradient: outputGradient, input: input,
        weight: joined(parameters, linear.weights).matrix(width: linear.inputWidth),
        weightGradient: weightGradient, accumulating: accumulating, inputGradient: inputGradient,
        accumulatingInput: adding, precision: pass.precision, team: pass.team)
    }
    if !linear.biases.isEmpty {
      biasBackward(
        outputGradient: outputGradient, into: joined(gradients, linear.biases), accumulating: accumulating,
        team: pass.team)
    }
  }

  /// Rounds the gradient that reaches a step; a linear map's native products read it next.
  func roundGradient(of step: Step, _ pass: Pass<Scalar>) {
    if case .linear(let linear, _, _) = step, let native = pass.native {
      roundElements(
        gradient(step.output), narrowingInto: native.outputGradient(width: linear.outputWidth),
        team: pass.team)
    } else {
      roundElements(gradient(step.output), to: pass.precision, team: pass.team)
    }
  }

  /// Computes an attention.
  func attend(
    _ attention: AttentionParameters, _ query: Slice, _ key: Slice, _ valueSlice: Slice, into output: Slice,
    _ pass: Pass<Scalar>
  ) {
    func forward<Element: FactorScalar>(of factors: Element.Type) where Element.Sum == Scalar {
      attentionForward(
        pass.attention(attention), factors: factors, query: value(query), key: value(key),
        value: value(valueSlice), into: value(output), logSumExp: logSumExp, dropout: attentionMask(pass),
        precision: pass.precision, logitSums: pass.probe?.inner, statistics: pass.probe?.attention,
        team: pass.team, workspace: pass.workspace)
    }
    if pass.native == nil { forward(of: Scalar.self) } else { forward(of: Scalar.Half.self) }
  }

  /// The gradients of an attention.
  func attendBackward(
    _ attention: AttentionParameters, _ query: Slice, _ key: Slice, _ valueSlice: Slice, from output: Slice,
    _ pass: Pass<Scalar>
  ) {
    func backward<Element: FactorScalar>(of factors: Element.Type) where Element.Sum == Scalar {
      attentionBackward(
        pass.attention(attention), factors: factors, outputGradient: gradient(output), query: value(query),
        key: value(key), value: value(valueSlice), logSumExp: logSumExp, dropout: attentionMask(pass),
        queryGradient: gradient(query), keyGradient: gradient(key), valueGradient: gradient(valueSlice),
        precision: pass.precision, gradientSums: pass.probe?.inner, team: pass.team,
        workspace: pass.workspace)
    }
    if pass.native == nil { backward(of: Scalar.self) } else { backward(of: Scalar.Half.self) }
  }
}
