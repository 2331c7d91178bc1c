/// A nonlinearity and its derivative at some numbers, which share what both need.
protocol ActivationFormula {
  associatedtype Scalar: KernelScalar
  init(_ x: Scalar.Lanes)
  var value: Scalar.Lanes { get }
  var derivative: Scalar.Lanes { get }
}

/// `x Φ(x)`; derivative `Φ(x) + x φ(x)`, φ the standard normal density.
struct Gelu<Scalar: KernelScalar>: ActivationFormula {
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

/// `x σ(2u)`, `u = √(2/π) (x + 0.044715 x³)`; derivative `σ + x σ (1 - σ) 2u'`.
struct TanhGelu<Scalar: KernelScalar>: ActivationFormula {
  let x: Scalar.Lanes
  let sigmoid: Scalar.Lanes

  /// 2 √(2/π).
  @inline(__always) private static var factor: Scalar { Scalar(1.5957691216057308) }

  @inline(__always)
  init(_ x: Scalar.Lanes) {
    self.x = x
    sigmoid = logistic(Scalar.self, (x + x * x * x * Scalar(0.044715)) * Self.factor)
  }

  @inline(__always) var value: Scalar.Lanes { x * sigmoid }

  /// `u' = √(2/π) (1 + 3 * 0.044715 x²)`.
  @inline(__always) var derivative: Scalar.Lanes {
    let slope: Scalar.Lanes = x * sigmoid * (1 - sigmoid)
    let inner: Scalar.Lanes = 1 + x * x * Scalar(0.134145)
    return sigmoid + slope * inner * Self.factor
  }
}

/// `max(x, 0)`; derivative 1 above 0, as PyTorch has it 0 at 0.
struct Relu<Scalar: KernelScalar>: ActivationFormula {
  let x: Scalar.Lanes

  @inline(__always)
  init(_ x: Scalar.Lanes) { self.x = x }

  @inline(__always) var value: Scalar.Lanes { Scalar.maximum(x, Scalar.Lanes(repeating: 0)) }
  @inline(__always) var derivative: Scalar.Lanes { Scalar.isPositive(x) }
}

/// `x σ(x)`; derivative `σ + x σ (1 - σ)`.
struct Silu<Scalar: KernelScalar>: ActivationFormula {
  let x: Scalar.Lanes
  let sigmoid: Scalar.Lanes

  @inline(__always)
  init(_ x: Scalar.Lanes) {
    self.x = x
    sigmoid = logistic(Scalar.self, x)
  }

  @inline(__always) var value: Scalar.Lanes { x * sigmoid }
  @inline(__always) var derivative: Scalar.Lanes { sigmoid + x * sigmoid * (1 - sigmoid) }
}

/// `σ(x) = 1 / (1 + e^-x)`: 0 where the exponential is infinite.
@inline(__always)
private func logistic<Scalar: KernelScalar>(_: Scalar.Type, _ x: Scalar.Lanes) -> Scalar.Lanes {
  1 / (1 + Scalar.exp(-x))
}
