import Kernels
import RunData

// What each kind of tensor looks like and how it starts: `normformer_facts` of the paper's code, fairseq, commit 3d262bb2.
extension ParameterSpec {
  /// Gain 1 and, for a LayerNorm, bias 0.
  static func norm(_ name: String, width: Int, kind: NormKind) -> [ParameterSpec] {
    let gain = ParameterSpec(
      name: "\(name).weight", shape: [width], kind: .gain, initialValue: .constant(1), zeroGradient: .never)
    guard kind == .layer else { return [gain] }
    let bias = ParameterSpec(
      name: "\(name).bias", shape: [width], kind: .bias, initialValue: .constant(0), zeroGradient: .never)
    return [gain, bias]
  }

  /// A learned scale, 1 at the start.
  static func scale(_ name: String, count: Int) -> ParameterSpec {
    ParameterSpec(
      name: name, shape: [count], kind: .scale, initialValue: .constant(1), zeroGradient: .never)
  }

  /// The matrix of a linear map.
  ///
  /// fairseq: q, k, v Xavier-uniform with gain 1/√2, so variance 1/(2d); `out_proj` Xavier-uniform; `fc1`, `fc2` uniform in
  /// ±1/√inputs. GPT-2: N(0, 0.02²), `out_proj` and `fc2` divided by √(2·layers). Xiong et al.: N(0, 2/(inputs + outputs)), q and
  /// k 0.
  static func weight(
    _ name: String, outputs: Int, inputs: Int, configuration: ModelConfiguration
  ) -> ParameterSpec {
    ParameterSpec(
      name: "\(name).weight", shape: [outputs, inputs], kind: .weight,
      initialValue: initialWeight(name, outputs: outputs, inputs: inputs, configuration: configuration),
      zeroGradient: .never)
  }

  /// The bias of a linear map: fairseq's are uniform in ±1/√inputs but for `out_proj`'s 0; GPT-2's and Xiong's are 0.
  static func bias(
    _ name: String, outputs: Int, inputs: Int, configuration: ModelConfiguration
  ) -> ParameterSpec {
    let isZero = configuration.initialization != .fairseq || name == "self_attn.out_proj"
    return ParameterSpec(
      name: "\(name).bias", shape: [outputs], kind: .bias,
      initialValue: isZero ? .constant(0) : .uniform(bound: 1 / Double(inputs).squareRoot()),
      zeroGradient: .never)
  }

  private static func initialWeight(
    _ name: String, outputs: Int, inputs: Int, configuration: ModelConfiguration
  ) -> InitialValue {
    let writesResidual = name == "self_attn.out_proj" || name == "fc2"
    switch configuration.initialization {
    case .gpt2:
      let divisor = writesResidual ? Double(2 * configuration.layerCount).squareRoot() : 1
      return .normal(standardDeviation: 0.02 / divisor)
    case .xiong where name == "self_attn.q_proj" || name == "self_attn.k_proj":
      return .constant(0)
    case .xiong:
      return .normal(standardDeviation: (2 / Double(inputs + outputs)).squareRoot())
    case .fairseq where name.hasPrefix("self_attn."):
      let xavier = (6 / Double(inputs + outputs)).squareRoot()
      return .uniform(bound: name == "self_attn.out_proj" ? xavier : xavier * 0.5.squareRoot())
    case .fairseq:
      return .uniform(bound: 1 / Double(inputs).squareRoot())
    }
  }

  /// The spec with what is known of its gradient from the attention's symmetries.
  func markingZeroGradient(hasQueryKeyNorm: Bool) -> ParameterSpec {
    let zeroGradient: ZeroGradient
    switch name {
    case "self_attn.k_proj.bias": zeroGradient = hasQueryKeyNorm ? .oneToken : .always
    case "self_attn.k_layer_norm.bias": zeroGradient = .always
    case _ where name.hasPrefix("self_attn.q_") || name.hasPrefix("self_attn.k_"): zeroGradient = .oneToken
    default: zeroGradient = .never
    }
    return ParameterSpec(
      name: name, shape: shape, kind: kind, initialValue: initialValue, zeroGradient: zeroGradient)
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
