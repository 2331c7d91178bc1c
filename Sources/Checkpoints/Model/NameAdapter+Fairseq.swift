// Tables of names. Sources: fairseq's modules transformer_layer.py, transformer_decoder.py and multihead_attention.py.

extension NameAdapter {
  /// All tables; where several know equally many names, the first counts.
  public static let all: [NameAdapter] = [fairseq]

  /// fairseq: language models, encoders and translation models, with the paper code's names too.
  static let fairseq = NameAdapter(
    "fairseq", title: "fairseq", order: .preLNWithFinalNorm("layer_norm.weight"), prefixes: ["model."],
    rules: fairseqStem(.decoder) + fairseqStem(.encoder) + fairseqLayers(.decoder) + fairseqLayers(.encoder),
    bookkeeping: [
      "decoder.version", "encoder.version", "decoder.embed_positions._float_tensor",
      "encoder.embed_positions._float_tensor",
    ],
    traps: [
      Trap(
        name: "c_attn",
        note:
          "c_attn scales chunks of out_proj's output, bias included, not the paper's heads; in fairseq of October "
          + "2021 it exchanges heads and chunk elements too, which the file does not tell")
    ])

  private static func fairseqStem(_ stack: TensorPlace.Stack) -> [NameRule] {
    [
      "embed_tokens.weight", "embed_positions.weight", "layernorm_embedding.{kind}", "layer_norm.{kind}",
      "output_projection.{kind}", "lm_head.weight",
    ].map { NameRule("\(stack.rawValue).\($0)", stack, "\(stack.rawValue).\($0)") }
  }

  private static func fairseqLayers(_ stack: TensorPlace.Stack) -> [NameRule] {
    let layer = "\(stack.rawValue).layers.{layer}."
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
    // The paper's code: alpha2 on the FFN's residual, alpha1 on the attention's.
    let earlier = [
      NameRule(layer + "alpha2", stack, "w_resid"), NameRule(layer + "alpha1", stack, "w_resid_attention"),
    ]
    return same + fused + earlier
  }
}
