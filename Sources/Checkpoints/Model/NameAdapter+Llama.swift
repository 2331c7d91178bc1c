import RunData

// Tables of names, after Transformers' modeling files of Llama and of the many models that have its names.

extension NameAdapter {
  /// Llama, Mistral, Qwen 2 and 3, Gemma, OLMo 2, Phi 1 to 3, Mixtral, Qwen's mixtures, gpt-oss, DeepSeek-V2 and V3: RMSNorm or
  /// LayerNorm, a gated FFN or experts. What a norm is, the others around it tell.
  static let llama = NameAdapter(
    "llama", title: "Llama", order: .preLN, hasRotaryPositions: true, prefixes: ["model."],
    rules: llamaStem + llamaNorms + llamaAttention + llamaFFN + llamaExperts,
    bookkeeping: ["layers.{layer}.self_attn.rotary_emb.inv_freq", "rotary_emb.inv_freq"],
    traps: [
      Trap(
        "self_attn_layer_norm.weight",
        "norm gains are read as they are stored; Gemma, which has the same names, stores them minus one")
    ])

  private static let layer = "layers.{layer}."

  private static func llamaRules(_ names: [(String, String)]) -> [NameRule] {
    names.map { NameRule("\(layer)\($0).{kind}", .decoder, "\($1).{kind}") }
  }

  private static let llamaStem = [
    NameRule("embed_tokens.weight", .decoder, "decoder.embed_tokens.weight"),
    NameRule("norm.{kind}", .decoder, "decoder.layer_norm.{kind}"),
    NameRule("final_layernorm.{kind}", .decoder, "decoder.layer_norm.{kind}"),
    NameRule("lm_head.{kind}", .decoder, "decoder.output_projection.{kind}"),
  ]

  /// In Llama `post_attention_layernorm` is the FFN's input norm; in Gemma 2 and 3 and OLMo 2, which have a norm behind the
  /// FFN too, it stands on the attention's branch.
  private static let llamaNorms: [NameRule] = {
    let (input, afterFFN) = ("\(layer)input_layernorm.weight", "\(layer)post_feedforward_layernorm.weight")
    let afterAttention = "\(layer)post_attention_layernorm"
    return llamaRules([
      ("input_layernorm", "self_attn_layer_norm"), ("pre_feedforward_layernorm", "final_layer_norm"),
      ("post_self_attn_layernorm", "attn_ln"), ("post_mlp_layernorm", "ffn_ln"),
    ]) + [
      NameRule("\(afterAttention).{kind}", .decoder, "final_layer_norm.{kind}")
        .when(input, unless: ["\(layer)pre_feedforward_layernorm.weight", afterFFN]),
      NameRule("\(afterAttention).{kind}", .decoder, "attn_ln.{kind}").when(afterFFN),
      NameRule("\(layer)post_feedforward_layernorm.{kind}", .decoder, "ffn_ln.{kind}")
        .when("\(afterAttention).weight"),
    ]
  }()

  private static let llamaAttention =
    llamaRules([
      ("self_attn.q_proj", "self_attn.q_proj"), ("self_attn.k_proj", "self_attn.k_proj"),
      ("self_attn.v_proj", "self_attn.v_proj"), ("self_attn.q_norm", "self_attn.q_layer_norm"),
      ("self_attn.k_norm", "self_attn.k_layer_norm"), ("self_attn.q_layernorm", "self_attn.q_layer_norm"),
      ("self_attn.k_layernorm", "self_attn.k_layer_norm"), ("self_attn.o_proj", "self_attn.out_proj"),
      ("self_attn.dense", "self_attn.out_proj"),
      // DeepSeek's latent attention: queries, and keys with values, through a narrow layer of their own.
      ("self_attn.q_a_proj", "self_attn.q_a_proj"), ("self_attn.q_a_layernorm", "self_attn.q_a_layer_norm"),
      ("self_attn.q_b_proj", "self_attn.q_b_proj"), ("self_attn.kv_a_proj_with_mqa", "self_attn.kv_a_proj"),
      ("self_attn.kv_a_layernorm", "self_attn.kv_a_layer_norm"),
      ("self_attn.kv_b_proj", "self_attn.kv_b_proj"),
    ]) + [
      NameRule(
        "\(layer)self_attn.qkv_proj.{kind}", .decoder, "self_attn.q_proj.{kind}", "self_attn.k_proj.{kind}",
        "self_attn.v_proj.{kind}"
      ).fused(.queries, by: "\(layer)self_attn.o_proj.weight", whole: "self_attn.qkv_proj.{kind}"),
      NameRule("\(layer)self_attn.sinks", .decoder, "self_attn.sinks"),
    ]

  private static let llamaFFN =
    llamaRules([
      ("mlp.gate_proj", "fc_gate"), ("mlp.up_proj", "fc1"), ("mlp.down_proj", "fc2"), ("mlp.fc1", "fc1"),
      ("mlp.fc2", "fc2"),
    ]) + [
      NameRule("\(layer)mlp.gate_up_proj.{kind}", .decoder, "fc_gate.{kind}", "fc1.{kind}")
        .fused(.gated, by: "\(layer)mlp.down_proj.weight", whole: "fc_gate_up.{kind}")
    ]

  /// Mixtures of experts, which Transformers 5 stacks in one tensor, and files and earlier versions have one by one.
  private static let llamaExperts = ["mlp", "block_sparse_moe"].flatMap { block -> [NameRule] in
    let experts = "\(layer)\(block).experts"
    let isThere = ["\(experts).gate_up_proj", "\(experts).0.gate_proj.weight", "\(experts).0.w1.weight"]
    // gpt-oss alone has biases, and its gate and values in turn along the last dimension.
    let interleaved = "\(experts).gate_up_proj_bias"
    let routers = ["gate", "router"].map { router in
      isThere.dropFirst().reduce(
        NameRule("\(layer)\(block).\(router).{kind}", .decoder, "router.{kind}").when(isThere[0])
      ) { $0.when($1) }
    }
    let single = [
      ("gate_proj", "fc_gate"), ("up_proj", "fc1"), ("down_proj", "fc2"), ("w1", "fc_gate"), ("w3", "fc1"),
      ("w2", "fc2"),
    ].map {
      NameRule("\(experts).{expert}.\($0).{kind}", .decoder, "experts.\($1).{kind}")
    }
    let shared = ["shared_experts", "shared_expert"].flatMap { own in
      [("gate_proj", "fc_gate"), ("up_proj", "fc1"), ("down_proj", "fc2")].map {
        NameRule("\(layer)\(block).\(own).\($0).{kind}", .decoder, "shared_experts.\($1).{kind}")
      }
    }
    return routers + single + shared + [
      NameRule("\(experts).gate_up_proj", .decoder, "experts.fc_gate.weight", "experts.fc1.weight")
        .fused(.gated, along: 1, by: "\(experts).down_proj", whole: "experts.fc_gate_up.weight")
        .when(unless: [interleaved]),
      NameRule("\(experts).gate_up_proj", .decoder, "experts.fc_gate.weight", "experts.fc1.weight")
        .fused(.alternating, along: 2, whole: "experts.fc_gate_up.weight").when(interleaved),
      NameRule(interleaved, .decoder, "experts.fc_gate.bias", "experts.fc1.bias")
        .fused(.alternating, along: 1, whole: "experts.fc_gate_up.bias"),
      NameRule("\(experts).down_proj", .decoder, "experts.fc2.weight"),
      NameRule("\(experts).down_proj_bias", .decoder, "experts.fc2.bias"),
      NameRule("\(layer)\(block).shared_expert_gate.{kind}", .decoder, "shared_experts.router.{kind}"),
    ]
  }

  /// torchtitan, and Meta's own files of Llama.
  static let metaLlama = NameAdapter(
    "meta-llama", title: "Meta's Llama", order: .preLN, hasRotaryPositions: true, prefixes: ["model."],
    rules: [
      NameRule("tok_embeddings.weight", .decoder, "decoder.embed_tokens.weight"),
      NameRule("norm.{kind}", .decoder, "decoder.layer_norm.{kind}"),
      NameRule("output.{kind}", .decoder, "decoder.output_projection.{kind}"),
      NameRule("\(layer)moe.experts.w1", .decoder, "experts.fc_gate.weight"),
      NameRule("\(layer)moe.experts.w3", .decoder, "experts.fc1.weight"),
      NameRule("\(layer)moe.experts.w2", .decoder, "experts.fc2.weight"),
    ]
      + llamaRules([
        ("attention_norm", "self_attn_layer_norm"), ("attention.wq", "self_attn.q_proj"),
        ("attention.wk", "self_attn.k_proj"), ("attention.wv", "self_attn.v_proj"),
        ("attention.q_norm", "self_attn.q_layer_norm"), ("attention.k_norm", "self_attn.k_layer_norm"),
        ("attention.wo", "self_attn.out_proj"), ("ffn_norm", "final_layer_norm"),
        ("feed_forward.w1", "fc_gate"), ("feed_forward.w3", "fc1"), ("feed_forward.w2", "fc2"),
        ("moe.router.gate", "router"), ("moe.shared_experts.w1", "shared_experts.fc_gate"),
        ("moe.shared_experts.w3", "shared_experts.fc1"), ("moe.shared_experts.w2", "shared_experts.fc2"),
      ]), bookkeeping: ["freqs_cis", "rope.freqs"])

  /// OLMo-core. Its norms have the same names before a branch and on it, so they keep them.
  static let olmoCore = NameAdapter(
    "olmo-core", title: "OLMo-core", order: .preLN, hasRotaryPositions: true, prefixes: ["model."],
    rules: [
      NameRule("embeddings.weight", .decoder, "decoder.embed_tokens.weight"),
      NameRule("lm_head.norm.{kind}", .decoder, "decoder.layer_norm.{kind}"),
      NameRule("lm_head.w_out.{kind}", .decoder, "decoder.output_projection.{kind}"),
    ]
      + [
        ("attention.w_q", "self_attn.q_proj"), ("attention.w_k", "self_attn.k_proj"),
        ("attention.w_v", "self_attn.v_proj"), ("attention.q_norm", "self_attn.q_layer_norm"),
        ("attention.k_norm", "self_attn.k_layer_norm"), ("attention.w_out", "self_attn.out_proj"),
        ("feed_forward.w1", "fc_gate"), ("feed_forward.w3", "fc1"), ("feed_forward.w2", "fc2"),
        ("attention_norm", "attention_norm"), ("feed_forward_norm", "feed_forward_norm"),
        ("feed_forward_moe.router", "router"),
      ].map { NameRule("blocks.{layer}.\($0).{kind}", .decoder, "\($1).{kind}") },
    traps: [
      Trap(
        "attention_norm.weight",
        "attention_norm and feed_forward_norm stand before their branches, or on them where the block is reordered, which "
          + "the names do not tell")
    ])
}
