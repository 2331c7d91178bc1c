import RunData

// Tables of names, after Transformers' modeling_gpt_neox.py, modeling_falcon.py, modeling_bloom.py, modeling_mpt.py, modeling_t5.py,
// modeling_mamba.py, and Megatron-core's transformer_layer.py and attention.py.

extension NameAdapter {
  private static func rules(_ layer: String, _ names: [(String, String)]) -> [NameRule] {
    names.map { NameRule("\(layer)\($0).{kind}", .decoder, "\($1).{kind}") }
  }

  private static func fusedQueries(_ pattern: String, by sibling: String, _ fusion: Fusion = .heads)
    -> NameRule
  {
    NameRule(
      "\(pattern).{kind}", .decoder, "self_attn.q_proj.{kind}", "self_attn.k_proj.{kind}",
      "self_attn.v_proj.{kind}"
    ).fused(fusion, by: sibling, whole: "self_attn.qkv_proj.{kind}")
  }

  /// GPT-NeoX and Pythia: attention and FFN side by side, queries, keys and values by head.
  static let gptNeoX = NameAdapter(
    "gpt-neox", title: "GPT-NeoX", order: .preLN, hasRotaryPositions: true, prefixes: ["gpt_neox."],
    rules: [
      NameRule("embed_in.weight", .decoder, "decoder.embed_tokens.weight"),
      NameRule("final_layer_norm.{kind}", .decoder, "decoder.layer_norm.{kind}"),
      NameRule("embed_out.{kind}", .decoder, "decoder.output_projection.{kind}"),
      // The same in memory since Transformers 5, which still saves it under the first name.
      NameRule("lm_head.{kind}", .decoder, "decoder.output_projection.{kind}"),
      fusedQueries("layers.{layer}.attention.query_key_value", by: "layers.{layer}.attention.dense.weight"),
    ]
      + rules(
        "layers.{layer}.",
        [
          ("input_layernorm", "self_attn_layer_norm"), ("attention.dense", "self_attn.out_proj"),
          ("post_attention_layernorm", "final_layer_norm"), ("mlp.dense_h_to_4h", "fc1"),
          ("mlp.dense_4h_to_h", "fc2"),
        ]),
    bookkeeping: ["bias", "masked_bias", "rotary_emb.inv_freq"].map { "layers.{layer}.attention.\($0)" })

  /// Falcon. Where attention and FFN have one norm, it is the attention's.
  static let falcon = NameAdapter(
    "falcon", title: "Falcon", order: .preLN, hasRotaryPositions: true, prefixes: ["transformer."],
    rules: bloomRules + [
      NameRule("h.{layer}.ln_attn.{kind}", .decoder, "self_attn_layer_norm.{kind}"),
      NameRule("h.{layer}.ln_mlp.{kind}", .decoder, "final_layer_norm.{kind}"),
    ])

  /// BLOOM: Falcon's names, and a norm of the embedding.
  static let bloom = NameAdapter(
    "bloom", title: "BLOOM", order: .preLN, prefixes: ["transformer."],
    rules: bloomRules + [
      NameRule("word_embeddings_layernorm.{kind}", .decoder, "decoder.layernorm_embedding.{kind}")
    ])

  private static let bloomRules =
    [
      NameRule("word_embeddings.weight", .decoder, "decoder.embed_tokens.weight"),
      NameRule("ln_f.{kind}", .decoder, "decoder.layer_norm.{kind}"),
      NameRule("lm_head.{kind}", .decoder, "decoder.output_projection.{kind}"),
      fusedQueries("h.{layer}.self_attention.query_key_value", by: "h.{layer}.self_attention.dense.weight"),
    ]
    + rules(
      "h.{layer}.",
      [
        ("input_layernorm", "self_attn_layer_norm"), ("self_attention.dense", "self_attn.out_proj"),
        ("post_attention_layernorm", "final_layer_norm"), ("mlp.dense_h_to_4h", "fc1"),
        ("mlp.dense_4h_to_h", "fc2"),
      ])

  static let mpt = NameAdapter(
    "mpt", title: "MPT", order: .preLN, prefixes: ["transformer."],
    rules: [
      NameRule("wte.weight", .decoder, "decoder.embed_tokens.weight"),
      NameRule("wpe.weight", .decoder, "decoder.embed_positions.weight"),
      NameRule("norm_f.{kind}", .decoder, "decoder.layer_norm.{kind}"),
      NameRule("lm_head.{kind}", .decoder, "decoder.output_projection.{kind}"),
      fusedQueries("blocks.{layer}.attn.Wqkv", by: "blocks.{layer}.attn.out_proj.weight", .queries),
    ]
      + rules(
        "blocks.{layer}.",
        [
          ("norm_1", "self_attn_layer_norm"), ("attn.out_proj", "self_attn.out_proj"),
          ("norm_2", "final_layer_norm"), ("ffn.up_proj", "fc1"), ("ffn.down_proj", "fc2"),
        ]))

  /// T5 and its successors; without biases.
  static let t5 = NameAdapter(
    "t5", title: "T5", order: .preLN, prefixes: ["transformer."],
    rules: [
      NameRule("shared.weight", .none, "shared.weight"),
      NameRule("encoder.embed_tokens.weight", .encoder, "encoder.embed_tokens.weight"),
      NameRule("decoder.embed_tokens.weight", .decoder, "decoder.embed_tokens.weight"),
      NameRule("encoder.final_layer_norm.weight", .encoder, "encoder.layer_norm.weight"),
      NameRule("decoder.final_layer_norm.weight", .decoder, "decoder.layer_norm.weight"),
      NameRule("lm_head.weight", .decoder, "decoder.output_projection.weight"),
    ]
      + t5Attention(.encoder, 0, "SelfAttention", "self_attn") + t5FFN(.encoder, 1)
      + t5Attention(.decoder, 0, "SelfAttention", "self_attn")
      + t5Attention(.decoder, 1, "EncDecAttention", "encoder_attn") + t5FFN(.decoder, 2))

  private static func t5Attention(
    _ stack: TensorPlace.Stack, _ sublayer: Int, _ stored: String, _ attention: String
  ) -> [NameRule] {
    let block = "\(stack.rawValue).block.{layer}.layer.\(sublayer)"
    return [("q", "q_proj"), ("k", "k_proj"), ("v", "v_proj"), ("o", "out_proj")].map {
      NameRule("\(block).\(stored).\($0).weight", stack, "\(attention).\($1).weight")
    } + [
      NameRule("\(block).layer_norm.weight", stack, "\(attention)_layer_norm.weight"),
      NameRule(
        "\(block).\(stored).relative_attention_bias.weight", stack,
        "\(attention).relative_attention_bias.weight"),
    ]
  }

  private static func t5FFN(_ stack: TensorPlace.Stack, _ sublayer: Int) -> [NameRule] {
    let block = "\(stack.rawValue).block.{layer}.layer.\(sublayer)"
    return [("wi", "fc1"), ("wi_0", "fc_gate"), ("wi_1", "fc1"), ("wo", "fc2")].map {
      NameRule("\(block).DenseReluDense.\($0).weight", stack, "\($1).weight")
    } + [NameRule("\(block).layer_norm.weight", stack, "final_layer_norm.weight")]
  }

  /// Mamba: what a layer is made of has the model's own names.
  static let mamba = NameAdapter(
    "mamba", title: "Mamba", order: .preLN, prefixes: ["backbone."],
    rules: [
      NameRule("embeddings.weight", .decoder, "decoder.embed_tokens.weight"),
      NameRule("embedding.weight", .decoder, "decoder.embed_tokens.weight"),
      NameRule("norm_f.{kind}", .decoder, "decoder.layer_norm.{kind}"),
      NameRule("lm_head.weight", .decoder, "decoder.output_projection.weight"),
      NameRule("layers.{layer}.mixer.A_log", .decoder, "mixer.A_log"),
      NameRule("layers.{layer}.mixer.D", .decoder, "mixer.D"),
    ]
      + ["norm", "mixer.in_proj", "mixer.conv1d", "mixer.x_proj", "mixer.dt_proj", "mixer.out_proj"].map {
        NameRule("layers.{layer}.\($0).{kind}", .decoder, "\($0).{kind}").when(
          "layers.{layer}.mixer.in_proj.weight")
      })

  /// Megatron-core: norms by themselves, or inside the projection behind them where Transformer Engine fuses both.
  static let megatron = NameAdapter(
    "megatron-core", title: "Megatron-core", order: .preLN, hasRotaryPositions: true, prefixes: ["model."],
    rules: [
      NameRule("embedding.word_embeddings.weight", .decoder, "decoder.embed_tokens.weight"),
      NameRule("embedding.position_embeddings.weight", .decoder, "decoder.embed_positions.weight"),
      NameRule("decoder.final_layernorm.{kind}", .decoder, "decoder.layer_norm.{kind}"),
      NameRule("output_layer.{kind}", .decoder, "decoder.output_projection.{kind}"),
      fusedQueries(
        "\(megatronLayer)self_attention.linear_qkv", by: "\(megatronLayer)self_attention.linear_proj.weight"),
      NameRule("\(megatronLayer)mlp.linear_fc1.{kind}", .decoder, "fc_gate.{kind}", "fc1.{kind}")
        .fused(.gated, by: "\(megatronLayer)mlp.linear_fc2.weight", whole: "fc_gate_up.{kind}"),
      NameRule(
        "\(megatronLayer)mlp.experts.local_experts.{expert}.linear_fc1.{kind}", .decoder,
        "experts.fc_gate.{kind}", "experts.fc1.{kind}"
      ).fused(
        .gated, by: "\(megatronLayer)mlp.experts.local_experts.0.linear_fc2.weight",
        whole: "experts.fc_gate_up.{kind}"),
      NameRule(
        "\(megatronLayer)mlp.experts.local_experts.{expert}.linear_fc2.{kind}", .decoder, "experts.fc2.{kind}"
      ),
      NameRule(
        "\(megatronLayer)mlp.shared_experts.linear_fc1.{kind}", .decoder, "shared_experts.fc_gate.{kind}",
        "shared_experts.fc1.{kind}"
      ).fused(
        .gated, by: "\(megatronLayer)mlp.shared_experts.linear_fc2.weight",
        whole: "shared_experts.fc_gate_up.{kind}"),
    ]
      + rules(
        megatronLayer,
        [
          ("input_layernorm", "self_attn_layer_norm"),
          ("self_attention.q_layernorm", "self_attn.q_layer_norm"),
          ("self_attention.k_layernorm", "self_attn.k_layer_norm"),
          ("self_attention.linear_proj", "self_attn.out_proj"), ("pre_mlp_layernorm", "final_layer_norm"),
          ("mlp.linear_fc2", "fc2"), ("mlp.router", "router"),
          ("mlp.shared_experts.linear_fc2", "shared_experts.fc2"),
        ])
      + ["weight", "bias"].flatMap { kind in
        [
          ("self_attention.linear_qkv", "self_attn_layer_norm"), ("mlp.linear_fc1", "final_layer_norm"),
        ].map {
          NameRule("\(megatronLayer)\($0).layer_norm_\(kind)", .decoder, "\($1).\(kind)")
        }
      })

  private static let megatronLayer = "decoder.layers.{layer}."
}
