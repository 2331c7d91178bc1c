import RunData

// Tables of names, after Transformers' modeling_vit.py and timm's vision_transformer.py.

extension NameAdapter {
  /// ViT of Transformers, and its names of before version 5.
  static let vit = NameAdapter(
    "vit", title: "ViT", order: .preLN, prefixes: ["vit."],
    rules: [
      NameRule("embeddings.position_embeddings", .encoder, "encoder.embed_positions"),
      NameRule("layernorm.{kind}", .encoder, "encoder.layer_norm.{kind}"),
      NameRule("pooler.dense.{kind}", .encoder, "encoder.pooler.dense.{kind}"),
    ] + vitLayers("layers.{layer}.", vitNames) + vitLayers("encoder.layer.{layer}.", earlierViTNames))

  private static func vitLayers(_ layer: String, _ names: [(String, String)]) -> [NameRule] {
    // BERT has some of these names, and its norms elsewhere.
    (names + [("layernorm_before", "self_attn_layer_norm"), ("layernorm_after", "final_layer_norm")]).map {
      NameRule("\(layer)\($0).{kind}", .encoder, "\($1).{kind}").when("\(layer)layernorm_before.weight")
    }
  }

  private static let vitNames = [
    ("attention.q_proj", "self_attn.q_proj"), ("attention.k_proj", "self_attn.k_proj"),
    ("attention.v_proj", "self_attn.v_proj"), ("attention.o_proj", "self_attn.out_proj"),
    ("mlp.fc1", "fc1"), ("mlp.fc2", "fc2"),
  ]

  private static let earlierViTNames = [
    ("attention.attention.query", "self_attn.q_proj"), ("attention.attention.key", "self_attn.k_proj"),
    ("attention.attention.value", "self_attn.v_proj"), ("attention.output.dense", "self_attn.out_proj"),
    ("intermediate.dense", "fc1"), ("output.dense", "fc2"),
  ]

  /// timm's vision transformers.
  static let timmViT = NameAdapter(
    "timm-vit", title: "timm", order: .preLN,
    rules: [
      NameRule("pos_embed", .encoder, "encoder.embed_positions"),
      NameRule("norm.{kind}", .encoder, "encoder.layer_norm.{kind}"),
      NameRule(
        "blocks.{layer}.attn.qkv.{kind}", .encoder, "self_attn.q_proj.{kind}", "self_attn.k_proj.{kind}",
        "self_attn.v_proj.{kind}"),
      NameRule("blocks.{layer}.ls1.gamma", .encoder, "attn_layer_scale"),
      NameRule("blocks.{layer}.ls2.gamma", .encoder, "ffn_layer_scale"),
    ]
      + [
        ("norm1", "self_attn_layer_norm"), ("attn.q_norm", "self_attn.q_layer_norm"),
        ("attn.k_norm", "self_attn.k_layer_norm"), ("attn.proj", "self_attn.out_proj"),
        ("norm2", "final_layer_norm"), ("mlp.fc1", "fc1"), ("mlp.norm", "ffn_layernorm"), ("mlp.fc2", "fc2"),
      ].map { NameRule("blocks.{layer}.\($0).{kind}", .encoder, "\($1).{kind}") },
    traps: [
      Trap(
        "self_attn_layer_norm.weight",
        "the names do not tell whether the norms stand before the branches or on them (res-post-norm)")
    ])
}
