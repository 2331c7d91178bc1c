import Kernels
import RunData

extension BlockPlan {
  /// Resolves a configuration to the steps of its layers.
  ///
  /// Each sublayer has the common form
  /// `x -> [input norm] -> f -> [branch norm] -> + [residual scale] * x -> [output norm]`.
  public init(_ configuration: ModelConfiguration) {
    var builder = BlockBuilder(configuration)
    let additions = configuration.additions
    let isPreLN = configuration.placement == .preLN

    let attended = builder.sublayer(
      input: builder.layerInput,
      inputNorm: isPreLN ? "self_attn_layer_norm" : nil,
      branchNorm: additions.scaleAttention ? "attn_ln" : nil,
      residualScale: additions.scaleResiduals == .both ? "w_resid_attention" : nil,
      outputNorm: isPreLN ? nil : "self_attn_layer_norm",
      sum: "attention_residual"
    ) { builder, x in builder.attention(x) }

    let output = builder.sublayer(
      input: attended,
      inputNorm: isPreLN ? "final_layer_norm" : nil,
      branchNorm: nil,
      residualScale: additions.scaleResiduals == .none ? nil : "w_resid",
      outputNorm: isPreLN ? nil : "final_layer_norm",
      sum: "ffn_residual"
    ) { builder, x in builder.feedForward(x) }

    self = builder.plan(output: output)
  }
}

/// Collects steps, values and parameters of a block in the order in which data passes them.
private struct BlockBuilder {
  let configuration: ModelConfiguration
  private var valueWidths: [Int]
  private var steps: [NamedStep] = []
  private var parameters: [ParameterSpec] = []
  private var normCount = 0
  private var dropoutCount = 0

  init(_ configuration: ModelConfiguration) {
    self.configuration = configuration
    valueWidths = [configuration.modelDim]
  }

  var layerInput: Slice { Slice(value: 0, columns: 0..<configuration.modelDim) }

  func plan(output: Slice) -> BlockPlan {
    BlockPlan(
      valueWidths: valueWidths, steps: steps, output: output, parameters: parameters, normCount: normCount)
  }

  mutating func sublayer(
    input: Slice, inputNorm: String?, branchNorm: String?, residualScale: String?, outputNorm: String?,
    sum: String, _ function: (inout BlockBuilder, Slice) -> Slice
  ) -> Slice {
    var branch = function(&self, inputNorm.map { norm($0, input) } ?? input)
    if let branchNorm { branch = norm(branchNorm, branch) }
    if configuration.dropout > 0 { branch = dropout(branch) }
    let scale = residualScale.map {
      add(ParameterSpec.scale($0, count: configuration.modelDim))
    }
    let to = newValue(width: configuration.modelDim)
    steps.append(NamedStep(name: sum, step: .add(residual: input, scale: scale, branch: branch, to: to)))
    return outputNorm.map { norm($0, to) } ?? to
  }

  mutating func attention(_ x: Slice) -> Slice {
    let width = configuration.modelDim
    let names = ["q_proj", "k_proj", "v_proj"]
    let projected = linear(names.map { "self_attn.\($0)" }, x, outputWidth: width)
    var parts = (0..<3).map { projected.part($0, of: 3) }
    if configuration.additions.normQueryKeyValue {
      let normed = newValue(width: 3 * width)
      for (index, name) in ["q_layer_norm", "k_layer_norm", "v_layer_norm"].enumerated() {
        parts[index] = norm("self_attn.\(name)", parts[index], to: normed.part(index, of: 3))
      }
    }
    var heads = newValue(width: width)
    steps.append(
      NamedStep(
        name: "self_attn",
        step: .attention(query: parts[0], key: parts[1], value: parts[2], to: heads)))
    if configuration.additions.scaleHeads == .paper { heads = headScale(.chunks, heads) }
    let output = linear(["self_attn.out_proj"], heads, outputWidth: width)
    switch configuration.additions.scaleHeads {
    case .fairseq: return headScale(.chunks, output)
    case .fairseq2021: return headScale(.exchanged, output)
    case .paper, nil: return output
    }
  }

  mutating func feedForward(_ x: Slice) -> Slice {
    let isGated = configuration.activation == .geglu
    let hidden = linear(["fc1"], x, outputWidth: configuration.ffnDim * (isGated ? 2 : 1))
    var activated = newValue(width: configuration.ffnDim)
    steps.append(
      NamedStep(
        name: "activation", step: .activation(configuration.activation, from: hidden, to: activated)))
    if configuration.additions.scaleFFN { activated = norm("ffn_layernorm", activated) }
    return linear(["fc2"], activated, outputWidth: configuration.modelDim)
  }

  private mutating func norm(_ name: String, _ from: Slice, to target: Slice? = nil) -> Slice {
    let to = target ?? newValue(width: from.columns.count)
    let specs = ParameterSpec.norm(name, width: from.columns.count, kind: configuration.norm)
    let indices = specs.map { add($0) }
    let owned = NormParameters(
      gain: indices[0], bias: indices.count > 1 ? indices[1] : nil, ordinal: normCount)
    normCount += 1
    steps.append(NamedStep(name: name, step: .norm(owned, from: from, to: to)))
    return to
  }

  /// One matrix product for all `names`, whose outputs of `outputWidth` each lie side by side.
  private mutating func linear(_ names: [String], _ from: Slice, outputWidth: Int) -> Slice {
    let inputWidth = from.columns.count
    let firstWeight = parameters.count
    for name in names {
      _ = add(
        .weight(name, outputs: outputWidth, inputs: inputWidth, configuration: configuration))
    }
    let firstBias = parameters.count
    for name in names {
      _ = add(.bias(name, outputs: outputWidth, inputs: inputWidth, configuration: configuration))
    }
    let to = newValue(width: outputWidth * names.count)
    let owned = LinearParameters(
      weights: firstWeight..<firstBias, biases: firstBias..<parameters.count, inputWidth: inputWidth,
      outputWidth: outputWidth * names.count)
    let parts =
      names.count == 1
      ? []
      : names.indices.map { NamedSlice(name: names[$0], slice: to.part($0, of: names.count)) }
    steps.append(
      NamedStep(
        name: names.count == 1 ? names[0] : "self_attn.qkv_proj", step: .linear(owned, from: from, to: to),
        parts: parts))
    return to
  }

  private mutating func headScale(_ kind: HeadScaleKind, _ from: Slice) -> Slice {
    let parameter = add(ParameterSpec.scale("c_attn", count: configuration.headCount))
    let to = newValue(width: from.columns.count)
    steps.append(
      NamedStep(name: "c_attn", step: .headScale(kind, parameter: parameter, from: from, to: to)))
    return to
  }

  private mutating func dropout(_ from: Slice) -> Slice {
    let to = newValue(width: from.columns.count)
    dropoutCount += 1
    steps.append(
      NamedStep(name: "dropout_\(dropoutCount)", step: .dropout(site: dropoutCount, from: from, to: to)))
    return to
  }

  private mutating func newValue(width: Int) -> Slice {
    valueWidths.append(width)
    return Slice(value: valueWidths.count - 1, columns: 0..<width)
  }

  private mutating func add(_ spec: ParameterSpec) -> Int {
    let hasQueryKeyNorm = configuration.additions.normQueryKeyValue
    parameters.append(spec.markingZeroGradient(hasQueryKeyNorm: hasQueryKeyNorm))
    return parameters.count - 1
  }
}

extension Slice {
  /// The `index`-th of `count` equal parts.
  fileprivate func part(_ index: Int, of count: Int) -> Slice {
    let width = columns.count / count
    let start = columns.lowerBound + index * width
    return Slice(value: value, columns: start..<start + width)
  }
}
