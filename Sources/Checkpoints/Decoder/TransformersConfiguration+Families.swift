import Architecture

extension TransformersConfiguration {
  private func preLN(
    _ norm: NormDescription, _ attention: AttentionDescription, _ ffn: FFNDescription
  ) -> ArchitectureDescription {
    var around = Surroundings()
    around.inputNorm = norm
    var description = ArchitectureDescription(
      name: family.presetName, block: [.attention(attention, around), .feedForward(ffn, around)])
    description.head.norm = norm
    description.embedding.scale = Expression(1)
    description.embedding.positions = .none
    return description
  }

  func gpt2(_ layout: DecoderLayout) throws(CheckpointError) -> ArchitectureDescription {
    var attention = attention(layout)
    if fields.flag("scale_attn_weights") == false { attention.scoreScale = Expression(1) }
    if fields.flag("scale_attn_by_inverse_layer_idx") == true {
      throw layout.error(
        "scales attention by the layer's number (scale_attn_by_inverse_layer_idx); that cannot be computed here"
      )
    }
    var description = preLN(
      norm(.layer, fields.number("layer_norm_epsilon") ?? 1e-5), attention,
      try feedForward(layout, activation: "gelu_new"))
    description.embedding.positions = .learned(offset: 0)
    return description
  }

  func opt(_ sizes: DecoderSizes, _ layout: DecoderLayout) throws(CheckpointError) -> ArchitectureDescription
  {
    if let width = fields.integer("word_embed_proj_dim"), width != sizes.modelDim {
      throw layout.error(
        "projects embeddings of \(width) to a width of \(sizes.modelDim); that cannot be computed here")
    }
    let norm = norm(.layer, 1e-5)
    var description = preLN(norm, attention(layout), try feedForward(layout, activation: "relu"))
    description.embedding.positions = .learned(offset: 2)
    if fields.flag("do_layer_norm_before") == false {
      description = ArchitectureDescription.postLN(description, norm)
    } else if fields.flag("_remove_final_layer_norm") == true {
      description.head.norm = nil
    }
    return description
  }

  func gptNeoX(_ layout: DecoderLayout) throws(CheckpointError) -> ArchitectureDescription {
    let norm = norm(.layer, fields.number("layer_norm_eps") ?? 1e-5)
    var attention = attention(layout)
    attention.rotary = try rotary(layout)
    // Before there were rotary parameters of their own, a quarter was the default.
    if fields.fields("rope_parameters") == nil, fields.number("rotary_pct") == nil {
      attention.rotary?.share = 0.25
    }
    let ffn = try feedForward(layout, activation: "gelu")
    var description = preLN(norm, attention, ffn)
    if fields.flag("use_parallel_residual") != false {
      description.block = [.parallel(description.block, shared: Surroundings())]
    }
    return description
  }

  func phi(_ layout: DecoderLayout) throws(CheckpointError) -> ArchitectureDescription {
    guard fields.flag("qk_layernorm") != true else {
      throw layout.error(
        "has norms on queries and keys (qk_layernorm) of Phi's kind, which cannot be computed here")
    }
    let norm = norm(.layer, fields.number("layer_norm_eps") ?? 1e-5)
    var attention = attention(layout)
    attention.rotary = try rotary(layout)
    if fields.fields("rope_parameters") == nil, fields.number("partial_rotary_factor") == nil {
      attention.rotary?.share = 0.5
    }
    var shared = Surroundings()
    shared.inputNorm = norm
    var description = preLN(norm, attention, try feedForward(layout, activation: "gelu_new"))
    description.block = [
      .parallel(
        description.block.map { sublayer in
          switch sublayer {
          case .attention(let attention, _): .attention(attention, Surroundings())
          case .feedForward(let ffn, _): .feedForward(ffn, Surroundings())
          case .parallel: sublayer
          }
        }, shared: shared)
    ]
    return description
  }

  func llama(_ sizes: DecoderSizes, _ layout: DecoderLayout) throws(CheckpointError)
    -> ArchitectureDescription
  {
    let norm = norm(.rms, fields.number("rms_norm_eps") ?? 1e-6)
    var attention = attention(layout)
    attention.rotary = try rotary(layout)
    if family == .qwen3 {
      var headNorm = norm
      headNorm.isPerHead = true
      (attention.queryNorm, attention.keyNorm) = (headNorm, headNorm)
    }
    let window = fields.integer("sliding_window")
    let isLocal = fields.flag("use_sliding_window") ?? (family == .mistral)
    let types = fields.texts("layer_types")
    if isLocal, types == nil { attention.window = window }
    var description = preLN(norm, attention, try feedForward(layout, activation: "silu", isGated: true))
    let local = layers(of: "sliding_attention", count: sizes.layerCount)
    if isLocal, !local.isEmpty {
      attention.window = window
      description.exceptions = [description.exception(local, attention)]
    }
    return description
  }

  func olmo2(_ layout: DecoderLayout) throws(CheckpointError) -> ArchitectureDescription {
    let norm = norm(.rms, fields.number("rms_norm_eps") ?? 1e-5)
    var attention = attention(layout)
    attention.rotary = try rotary(layout)
    (attention.queryNorm, attention.keyNorm) = (norm, norm)
    var around = Surroundings()
    around.branchNorm = norm
    let ffn = try feedForward(layout, activation: "silu", isGated: true)
    var description = preLN(norm, attention, ffn)
    description.block = [.attention(attention, around), .feedForward(ffn, around)]
    return description
  }

  func gemma(_ sizes: DecoderSizes, _ layout: DecoderLayout) throws(CheckpointError)
    -> ArchitectureDescription
  {
    guard fields.flag("use_bidirectional_attention") != true else {
      throw layout.error(
        "sees both sides (use_bidirectional_attention); only models that see the past can be computed")
    }
    let norm = norm(.rms, fields.number("rms_norm_eps") ?? 1e-6, minusOne: true)
    var attention = attention(layout)
    attention.scoreScale = try fields.number("query_pre_attn_scalar").map { scalar throws(CheckpointError) in
      guard scalar > 0 else { throw layout.error("has query_pre_attn_scalar \(scalar) in its config.json") }
      return Expression(1 / scalar.squareRoot())
    }
    attention.softCap = fields.number("attn_logit_softcapping")
    if family == .gemma3 {
      var headNorm = norm
      headNorm.isPerHead = true
      (attention.queryNorm, attention.keyNorm) = (headNorm, headNorm)
    }
    attention.rotary = try rotary(layout, of: "full_attention", theta: family == .gemma3 ? 1_000_000 : 10_000)
    var around = Surroundings()
    (around.inputNorm, around.branchNorm) = (norm, norm)
    let ffn = try feedForward(layout, activation: "gelu_pytorch_tanh", isGated: true)
    var description = preLN(norm, attention, ffn)
    description.block = [.attention(attention, around), .feedForward(ffn, around)]
    description.embedding.scale = .squareRootOfWidth
    description.head.softCap = fields.number("final_logit_softcapping")

    var local = attention
    local.window = fields.integer("sliding_window") ?? 4096
    local.rotary = try rotary(layout, of: "sliding_attention")
    if let theta = fields.number("rope_local_base_freq") { local.rotary?.theta = theta }
    let numbers = localLayers(sizes.layerCount)
    if !numbers.isEmpty { description.exceptions = [description.exception(numbers, local)] }
    return description
  }

  /// Five of six layers of Gemma 3, every other of Gemma 2, unless the file lists them.
  private func localLayers(_ count: Int) -> Set<Int> {
    if fields.texts("layer_types") != nil { return layers(of: "sliding_attention", count: count) }
    let pattern =
      fields.integer("sliding_window_pattern", "_sliding_window_pattern") ?? (family == .gemma3 ? 6 : 2)
    return Set((1...max(1, count)).filter { pattern > 0 && !$0.isMultiple(of: pattern) })
  }
}

extension ArchitectureDescription {
  /// Layers that have another attention in the same surroundings.
  fileprivate func exception(_ layers: Set<Int>, _ attention: AttentionDescription) -> LayerException {
    LayerException(
      layers: .numbers(layers),
      block: block.map { sublayer in
        if case .attention(_, let around) = sublayer { .attention(attention, around) } else { sublayer }
      })
  }

  /// The same with norms behind the sums.
  fileprivate static func postLN(
    _ description: ArchitectureDescription, _ norm: NormDescription
  ) -> ArchitectureDescription {
    var around = Surroundings()
    around.outputNorm = norm
    var description = description
    description.block = description.block.map { sublayer in
      switch sublayer {
      case .attention(let attention, _): .attention(attention, around)
      case .feedForward(let ffn, _): .feedForward(ffn, around)
      case .parallel: sublayer
      }
    }
    description.head.norm = nil
    return description
  }
}
