import Architecture

/// What a `config.json` of Transformers says of a model that we can compute, after the library's `configuration_*.py` and
/// `modeling_*.py` (5.x; fields of 4.x are read too).
struct TransformersConfiguration {
  let fields: ConfigFields
  let family: Family

  /// Models by the name that `model_type` gives them.
  enum Family: String, CaseIterable {
    case gpt2, opt, llama, mistral, qwen2, qwen3, olmo2, phi
    case gptNeoX = "gpt_neox"
    case gemma2
    case gemma3 = "gemma3_text"
  }

  /// - Returns: nil where there is no `config.json` that names a model.
  /// - Throws: where it names one that we cannot compute.
  init?(beside checkpoint: Checkpoint) throws(CheckpointError) {
    guard let found = ConfigFields(beside: checkpoint), let type = found.text("model_type") else {
      return nil
    }
    // Models that see as well have the language model's fields inside.
    let isNested = type == "gemma3" && found.fields("text_config") != nil
    let name = isNested ? Family.gemma3.rawValue : type
    guard let family = Family(rawValue: name) else {
      let known = Family.allCases.map(\.rawValue).joined(separator: ", ")
      throw CheckpointError(
        path: checkpoint.path, problem: "is a model of type \(type), whose gradients cannot be computed here",
        advice: "These can: \(known)")
    }
    self.family = family
    fields = isNested ? found.fields("text_config") ?? found : found
  }

  /// The model, its sizes read off its tensors.
  func configuration(
    _ sizes: DecoderSizes, _ layout: DecoderLayout
  ) throws(CheckpointError) -> ModelConfiguration {
    guard let headCount = fields.headCount else {
      throw layout.error("has no number of attention heads in its config.json")
    }
    var architecture = try description(sizes, layout)
    architecture.name = family.presetName
    if let isTied = fields.flag("tie_word_embeddings") {
      architecture.head.isTied = isTied
    } else {
      architecture.head.isTied = try layout.isHeadTied()
    }
    architecture.head.hasBias =
      !architecture.head.isTied && layout.stem["\(StemTensor.head).bias"] != nil
    if architecture.head.isTied, layout.stem["\(StemTensor.head).bias"] != nil {
      throw layout.error("has a bias on a tied head, which cannot be computed here")
    }
    return try sizes.configuration(architecture, headCount: headCount, layout: layout)
  }

  private func description(
    _ sizes: DecoderSizes, _ layout: DecoderLayout
  ) throws(CheckpointError) -> ArchitectureDescription {
    switch family {
    case .gpt2: try gpt2(layout)
    case .opt: try opt(sizes, layout)
    case .gptNeoX: try gptNeoX(layout)
    case .phi: try phi(layout)
    case .llama, .mistral, .qwen2, .qwen3: try llama(sizes, layout)
    case .olmo2: try olmo2(layout)
    case .gemma2, .gemma3: try gemma(sizes, layout)
    }
  }

  // MARK: - Parts that families share

  func norm(_ kind: NormDescription.Kind, _ epsilon: Double, minusOne: Bool = false) -> NormDescription {
    var norm = NormDescription()
    norm.kind = kind
    norm.epsilon = epsilon
    norm.hasBias = kind == .layer
    norm.isGainStoredMinusOne = minusOne
    return norm
  }

  func activation(
    _ layout: DecoderLayout, default usual: String
  ) throws(CheckpointError) -> ActivationFunction {
    let name =
      fields.text("activation_function", "hidden_activation", "hidden_act", "activation") ?? usual
    switch name {
    case "gelu": return .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": return .tanhGelu
    case "relu": return .relu
    case "silu", "swish": return .silu
    default:
      throw layout.error(
        "has the activation \(name) in its config.json; gelu, gelu_new, relu and silu can be computed")
    }
  }

  /// Rotary positions of all layers, or of those of a kind (`sliding_attention`).
  func rotary(
    _ layout: DecoderLayout, of layerType: String? = nil, theta usual: Double = 10_000
  ) throws(CheckpointError) -> RotaryDescription {
    let all = fields.fields("rope_parameters")
    let parameters = layerType.flatMap { all?.fields($0) } ?? all
    for scaling in [parameters, fields.fields("rope_scaling")] {
      let type = scaling?.text("rope_type", "type") ?? "default"
      guard type == "default" else {
        throw layout.error(
          "has rotary positions of the kind \(type), scaled for long texts; only plain ones can be computed")
      }
    }
    var rotary = RotaryDescription()
    rotary.theta = parameters?.number("rope_theta") ?? fields.number("rope_theta", "rotary_emb_base") ?? usual
    rotary.share =
      parameters?.number("partial_rotary_factor") ?? fields.number("partial_rotary_factor", "rotary_pct") ?? 1
    return rotary
  }

  /// Which of a layer's projections have a bias, by the tensors that are there.
  func biases(_ layout: DecoderLayout, _ names: [(role: String, tensor: String)]) -> Set<String> {
    Set(names.filter { layout.hasAny("\($0.tensor).bias") }.map(\.role))
  }

  func attention(_ layout: DecoderLayout) -> AttentionDescription {
    var attention = AttentionDescription()
    attention.biases = biases(
      layout, ["q", "k", "v", "out"].map { ($0, "self_attn.\($0)_proj") })
    return attention
  }

  func feedForward(
    _ layout: DecoderLayout, activation usual: String, isGated: Bool = false
  ) throws(CheckpointError) -> FFNDescription {
    var ffn = FFNDescription()
    ffn.activation = try activation(layout, default: usual)
    ffn.gate = isGated ? .separate : .none
    ffn.biases = biases(layout, [("gate", "fc_gate"), ("fc1", "fc1"), ("fc2", "fc2")])
    return ffn
  }

  /// Layers whose attention differs from the others', by the list of their kinds.
  func layers(of type: String, count: Int) -> Set<Int> {
    guard let types = fields.texts("layer_types") else { return [] }
    return Set(types.prefix(count).enumerated().filter { $0.element == type }.map { $0.offset + 1 })
  }
}

extension TransformersConfiguration.Family {
  /// The preset that comes nearest.
  var presetName: String {
    switch self {
    case .gptNeoX: "gpt-neox"
    case .gemma3: "gemma3"
    default: rawValue
    }
  }
}
