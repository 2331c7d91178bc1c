// What each kind of tensor looks like and how it starts: of the paper's code, fairseq, commit 3d262bb2.

extension ParameterSpec {
  /// Gain 1 (0 where it is stored minus one) and bias 0; a DyT has its slope before them.
  static func norm(
    _ name: String, _ norm: NormDescription, width: Int, axis: ParameterAxis
  ) -> [ParameterSpec] {
    var specs = [
      ParameterSpec(
        name: "\(name).weight", shape: [width], kind: .gain,
        initialValue: .constant(norm.isGainStoredMinusOne ? 0 : 1), axis: axis,
        multiplierOffset: norm.isGainStoredMinusOne ? 1 : 0)
    ]
    if norm.kind == .dyt {
      let slope = ParameterSpec(
        name: "\(name).alpha", shape: [1], kind: .scale, initialValue: .constant(norm.slope), axis: .single)
      specs.insert(slope, at: 0)
    }
    if norm.hasBias || norm.kind == .dyt {
      specs.append(
        ParameterSpec(
          name: "\(name).bias", shape: [width], kind: .bias, initialValue: .constant(0), axis: axis))
    }
    return specs
  }

  /// A learned scale.
  static func scale(_ name: String, count: Int, axis: ParameterAxis, start: Double) -> ParameterSpec {
    ParameterSpec(name: name, shape: [count], kind: .scale, initialValue: .constant(start), axis: axis)
  }

  /// The matrix of a linear map.
  ///
  /// fairseq: q, k, v Xavier-uniform with gain 1/√2, so variance 1/(2d); `out_proj` Xavier-uniform; the FFN's uniform in
  /// ±1/√inputs. GPT-2: N(0, 0.02²), `out_proj` and `fc2` divided by √(2·layers). Xiong et al.: N(0, 2/(inputs + outputs)), q and
  /// k 0. Each times the architecture's own gain for such a map.
  static func weight(
    _ projection: Projection, inputs: Int, _ configuration: ModelConfiguration,
    _ variables: Expression.Variables
  ) -> ParameterSpec {
    let gain = configuration.architecture.initial.gains[projection.role.rawValue]?.value(variables) ?? 1
    return ParameterSpec(
      name: "\(projection.name).weight", shape: [projection.width, inputs], kind: .weight,
      initialValue: initialWeight(projection, inputs: inputs, configuration).scaled(by: gain)
    ).marking(projection.symmetry?.zeroGradient(of: "\(projection.name).weight", projection.role))
  }

  /// The bias of a linear map: fairseq's are uniform in ±1/√inputs but for `out_proj`'s 0; GPT-2's and Xiong's are 0.
  static func bias(
    _ projection: Projection, inputs: Int, _ configuration: ModelConfiguration
  ) -> ParameterSpec {
    let isZero = configuration.initialization != .fairseq || projection.role == .out
    return ParameterSpec(
      name: "\(projection.name).bias", shape: [projection.width], kind: .bias,
      initialValue: isZero ? .constant(0) : .uniform(bound: 1 / Double(inputs).squareRoot())
    ).marking(projection.symmetry?.zeroGradient(of: "\(projection.name).bias", projection.role))
  }

  private static func initialWeight(
    _ projection: Projection, inputs: Int, _ configuration: ModelConfiguration
  ) -> InitialValue {
    let (role, outputs) = (projection.role, projection.width)
    switch (configuration.initialization, role) {
    case (.gpt2, _):
      let divisor = role == .out || role == .fc2 ? Double(2 * configuration.layerCount).squareRoot() : 1
      return .normal(standardDeviation: 0.02 / divisor)
    case (.xiong, .q), (.xiong, .k):
      return .constant(0)
    case (.xiong, _):
      return .normal(standardDeviation: (2 / Double(inputs + outputs)).squareRoot())
    case (.fairseq, .q), (.fairseq, .k), (.fairseq, .v), (.fairseq, .out):
      let xavier = (6 / Double(inputs + outputs)).squareRoot()
      return .uniform(bound: role == .out ? xavier : xavier * 0.5.squareRoot())
    case (.fairseq, _):
      return .uniform(bound: 1 / Double(inputs).squareRoot())
    }
  }

  /// The same with what is known of its gradient.
  func marking(_ zeroGradient: ZeroGradient?) -> ParameterSpec {
    ParameterSpec(
      name: name, shape: shape, kind: kind, initialValue: initialValue,
      zeroGradient: zeroGradient ?? self.zeroGradient, axis: axis, multiplierOffset: multiplierOffset)
  }

  /// Whether the gradient is zero by construction at a sequence length.
  public func hasZeroGradient(sequenceLength: Int) -> Bool {
    switch zeroGradient {
    case .never: false
    case .always: true
    case .oneToken: sequenceLength == 1
    }
  }
}

extension InitialValue {
  fileprivate func scaled(by factor: Double) -> InitialValue {
    if factor == 1 { return self }
    return switch self {
    case .uniform(let bound): .uniform(bound: bound * factor)
    case .normal(let deviation): .normal(standardDeviation: deviation * factor)
    case .constant(let value): .constant(value * factor)
    case .profiled: .profiled
    }
  }
}
