import Architecture
import RunData

// Tables of names, after fairseq's transformer_layer.py, transformer_decoder.py and multihead_attention.py, and after
// OFA's unify_transformer_layer.py.

extension NameAdapter {
  /// All tables; where several know equally many names, the first counts.
  public static let all: [NameAdapter] = [
    fairseq, ofa, gpt2, nanoGPT, llama, opt, bert, torchEncoder, torchTransformer, particleTransformer,
    xTransformers, xTransformersWithCrossAttention, xTransformersMacaron, gptNeoX, falcon, bloom, mpt, t5,
    vit,
    timmViT, mamba, megatron, metaLlama, olmoCore,
  ]

  /// fairseq: language models, encoders and translation models, with the paper code's and older names, too.
  static let fairseq = NameAdapter(
    "fairseq", title: "fairseq", order: .preLNWithFinalNorm, prefixes: ["model."],
    rules: fairseqStem(.decoder) + fairseqStem(.encoder) + fairseqLayers(.decoder) + fairseqLayers(.encoder)
      + roberta,
    bookkeeping: fairseqBookkeeping,
    traps: [
      Trap(
        "c_attn",
        "c_attn scales chunks of out_proj's output, bias included, not the heads before it as in the paper; until "
          + "November 2021 it exchanged heads and chunk elements too, which the tensors do not tell",
        unlessStated: CheckpointMetadataKey.headScalePlacement)
    ])

  /// OFA: HeadScale inside the attention, a norm of its own on the cross attention's output.
  static let ofa = NameAdapter(
    "ofa", title: "OFA", order: .preLNWithFinalNorm, headScalePlacement: .paper,
    prefixes: ["model."],
    rules: fairseqStem(.decoder) + fairseqStem(.encoder) + fairseqLayers(.decoder) + fairseqLayers(.encoder)
      + ofaLayers(.decoder) + ofaLayers(.encoder),
    bookkeeping: fairseqBookkeeping,
    traps: [Trap("c_attn", "c_attn scales each head before out_proj, as in the paper")])

  private static let fairseqBookkeeping = ["decoder", "encoder"].flatMap { stack in
    ["version", "embed_positions._float_tensor"].map { "\(stack).\($0)" }
  }

  private static func fairseqStem(_ stack: TensorPlace.Stack, stored: String? = nil) -> [NameRule] {
    [
      "embed_tokens.weight", "embed_positions.weight", "layernorm_embedding.{kind}", "layer_norm.{kind}",
      "output_projection.{kind}",
    ].map { NameRule("\(stored ?? stack.rawValue).\($0)", stack, "\(stack.rawValue).\($0)") }
  }

  static func fairseqLayers(_ stack: TensorPlace.Stack, stored: String? = nil) -> [NameRule] {
    let layer = "\(stored ?? stack.rawValue).layers.{layer}."
    let same = [
      "self_attn_layer_norm.{kind}", "self_attn.q_proj.{kind}", "self_attn.k_proj.{kind}",
      "self_attn.v_proj.{kind}", "self_attn.q_layer_norm.{kind}", "self_attn.k_layer_norm.{kind}",
      "self_attn.v_layer_norm.{kind}", "self_attn.out_proj.{kind}", "c_attn", "attn_ln.{kind}",
      "w_resid_attention", "encoder_attn_layer_norm.{kind}", "encoder_attn.q_proj.{kind}",
      "encoder_attn.k_proj.{kind}", "encoder_attn.v_proj.{kind}", "encoder_attn.out_proj.{kind}",
      "final_layer_norm.{kind}", "fc1.{kind}", "ffn_layernorm.{kind}", "fc2.{kind}", "w_resid",
    ].map { NameRule(layer + $0, stack, $0) }
    let fused = ["self_attn", "encoder_attn"].flatMap { attention in
      ["weight", "bias"].map { kind in
        NameRule(
          "\(layer)\(attention).in_proj_\(kind)", stack, "\(attention).q_proj.\(kind)",
          "\(attention).k_proj.\(kind)", "\(attention).v_proj.\(kind)")
      }
    }
    let earlier = [
      // The paper's code.
      NameRule(layer + "alpha2", stack, "w_resid"),
      NameRule(layer + "alpha1", stack, "w_resid_attention"),
      // Encoders of 2018.
      NameRule(layer + "layer_norms.0.{kind}", stack, "self_attn_layer_norm.{kind}"),
      NameRule(layer + "layer_norms.1.{kind}", stack, "final_layer_norm.{kind}"),
    ]
    return same + fused + earlier
  }

  /// fairseq's masked language models.
  private static let roberta =
    fairseqStem(.encoder, stored: "encoder.sentence_encoder")
    + fairseqLayers(.encoder, stored: "encoder.sentence_encoder") + [
      NameRule(
        "encoder.sentence_encoder.emb_layer_norm.{kind}", .encoder, "encoder.layernorm_embedding.{kind}"),
      NameRule("encoder.lm_head.dense.{kind}", .encoder, "encoder.lm_head.dense.{kind}"),
      NameRule("encoder.lm_head.layer_norm.{kind}", .encoder, "encoder.lm_head.layer_norm.{kind}"),
      NameRule("encoder.lm_head.{kind}", .encoder, "encoder.lm_head.{kind}"),
    ]

  private static func ofaLayers(_ stack: TensorPlace.Stack) -> [NameRule] {
    [
      ("self_attn.c_attn", "c_attn"), ("encoder_attn.c_attn", "encoder_attn.c_attn"),
      ("self_attn_ln.{kind}", "attn_ln.{kind}"), ("cross_attn_ln.{kind}", "cross_attn_ln.{kind}"),
      // As converted for Transformers.
      ("self_attn_mid_layer_norm.{kind}", "attn_ln.{kind}"),
      ("cross_attn_mid_layer_norm.{kind}", "cross_attn_ln.{kind}"),
      ("ffn_layer_norm.{kind}", "ffn_layernorm.{kind}"),
    ].map { NameRule("\(stack.rawValue).layers.{layer}.\($0.0)", stack, $0.1) }
  }
}
