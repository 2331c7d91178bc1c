// Tables of names, after Hugging Face Transformers' modeling files and nanoGPT's model.py.

extension NameAdapter {
  /// GPT-2 of Transformers: linear maps stored as `(inputs, outputs)`, queries, keys and values side by side.
  static let gpt2 = NameAdapter(
    "gpt2", title: "GPT-2", order: .preLN, prefixes: ["transformer."], rules: gpt2Rules(transposed: true),
    bookkeeping: gpt2Masks,
    traps: [
      Trap(
        "self_attn.q_proj.weight",
        "attn.c_attn is the fused query, key and value projection, not HeadScale's γ")
    ])

  /// nanoGPT, and nanochat, which has queries, keys and values apart: GPT-2's names, linear maps as PyTorch stores them.
  static let nanoGPT = NameAdapter(
    "nanogpt", title: "nanoGPT", order: .preLN, prefixes: ["transformer."],
    rules: gpt2Rules(transposed: false)
      + ["q", "k", "v"].map {
        NameRule("h.{layer}.attn.c_\($0).{kind}", .decoder, "self_attn.\($0)_proj.{kind}")
      },
    bookkeeping: gpt2Masks,
    traps: [
      Trap(
        "self_attn.q_proj.weight",
        "attn.c_attn is the fused query, key and value projection, not HeadScale's γ")
    ])

  private static let gpt2Masks = ["h.{layer}.attn.bias", "h.{layer}.attn.masked_bias"]

  private static func gpt2Rules(transposed: Bool) -> [NameRule] {
    [
      NameRule("wte.weight", .decoder, "decoder.embed_tokens.weight"),
      NameRule("wpe.weight", .decoder, "decoder.embed_positions.weight"),
      NameRule("h.{layer}.ln_1.{kind}", .decoder, "self_attn_layer_norm.{kind}"),
      NameRule(
        "h.{layer}.attn.c_attn.{kind}", .decoder, "self_attn.q_proj.{kind}", "self_attn.k_proj.{kind}",
        "self_attn.v_proj.{kind}", transposed: transposed),
      NameRule(
        "h.{layer}.attn.c_proj.{kind}", .decoder, "self_attn.out_proj.{kind}", transposed: transposed),
      NameRule("h.{layer}.ln_2.{kind}", .decoder, "final_layer_norm.{kind}"),
      NameRule("h.{layer}.mlp.c_fc.{kind}", .decoder, "fc1.{kind}", transposed: transposed),
      NameRule("h.{layer}.mlp.c_proj.{kind}", .decoder, "fc2.{kind}", transposed: transposed),
      NameRule("ln_f.{kind}", .decoder, "decoder.layer_norm.{kind}"),
      NameRule("lm_head.weight", .decoder, "decoder.output_projection.weight"),
    ]
  }

  /// OPT of Transformers: fairseq's names but for the norm after the stack.
  static let opt = NameAdapter(
    "opt", title: "OPT", order: .preLNWithFinalNorm, prefixes: ["model."],
    rules: fairseqLayers(.decoder) + [
      NameRule("decoder.embed_tokens.weight", .decoder, "decoder.embed_tokens.weight"),
      NameRule("decoder.embed_positions.weight", .decoder, "decoder.embed_positions.weight"),
      NameRule("decoder.project_in.weight", .decoder, "decoder.project_in.weight"),
      NameRule("decoder.project_out.weight", .decoder, "decoder.project_out.weight"),
      NameRule("decoder.final_layer_norm.{kind}", .decoder, "decoder.layer_norm.{kind}"),
      NameRule("lm_head.weight", .decoder, "decoder.output_projection.weight"),
    ])

  /// BERT and RoBERTa of Transformers, with the norms' names of the first BERT files, too.
  static let bert = NameAdapter(
    "bert", title: "BERT", order: .postLN, prefixes: ["bert.", "roberta."],
    rules: bertNorms + [
      NameRule("embeddings.word_embeddings.weight", .encoder, "encoder.embed_tokens.weight"),
      NameRule("embeddings.position_embeddings.weight", .encoder, "encoder.embed_positions.weight"),
      NameRule("embeddings.token_type_embeddings.weight", .encoder, "encoder.embed_types.weight"),
      NameRule("encoder.layer.{layer}.attention.self.query.{kind}", .encoder, "self_attn.q_proj.{kind}"),
      NameRule("encoder.layer.{layer}.attention.self.key.{kind}", .encoder, "self_attn.k_proj.{kind}"),
      NameRule("encoder.layer.{layer}.attention.self.value.{kind}", .encoder, "self_attn.v_proj.{kind}"),
      NameRule("encoder.layer.{layer}.attention.output.dense.{kind}", .encoder, "self_attn.out_proj.{kind}"),
      NameRule("encoder.layer.{layer}.intermediate.dense.{kind}", .encoder, "fc1.{kind}"),
      NameRule("encoder.layer.{layer}.output.dense.{kind}", .encoder, "fc2.{kind}"),
      NameRule("pooler.dense.{kind}", .encoder, "encoder.pooler.dense.{kind}"),
      NameRule("cls.predictions.transform.dense.{kind}", .encoder, "encoder.lm_head.dense.{kind}"),
      NameRule("cls.predictions.decoder.weight", .encoder, "encoder.lm_head.weight"),
      NameRule("cls.predictions.bias", .encoder, "encoder.lm_head.bias"),
      NameRule("lm_head.dense.{kind}", .encoder, "encoder.lm_head.dense.{kind}"),
      NameRule("lm_head.layer_norm.{kind}", .encoder, "encoder.lm_head.layer_norm.{kind}"),
      NameRule("lm_head.decoder.weight", .encoder, "encoder.lm_head.weight"),
      NameRule("lm_head.bias", .encoder, "encoder.lm_head.bias"),
      NameRule("cls.seq_relationship.{kind}", .none, "seq_relationship.{kind}"),
    ],
    // The last two are the bias of the head a second time.
    bookkeeping: ["embeddings.position_ids", "cls.predictions.decoder.bias", "lm_head.decoder.bias"])

  private static let bertNorms = [
    ("embeddings", "encoder.layernorm_embedding"),
    ("encoder.layer.{layer}.attention.output", "self_attn_layer_norm"),
    ("encoder.layer.{layer}.output", "final_layer_norm"),
    ("cls.predictions.transform", "encoder.lm_head.layer_norm"),
  ].flatMap { stored, place in
    [("weight", "weight"), ("bias", "bias"), ("gamma", "weight"), ("beta", "bias")].map { ending, kind in
      NameRule("\(stored).LayerNorm.\(ending)", .encoder, "\(place).\(kind)")
    }
  }
}
