import RunData

// Tables of names, after x-transformers' x_transformers.py.

extension NameAdapter {
  /// x-transformers without cross attention: attention and FFN are numbered in turn.
  static let xTransformers = NameAdapter(
    "x-transformers", title: "x-transformers", order: .preLNWithFinalNorm,
    headScalePlacement: .paper, prefixes: ["net."],
    rules: xTransformersStem
      + xTransformersAttention("attn_layers.layers.{2layer}", xTransformersSelfAttention)
      + xTransformersFFN("attn_layers.layers.{2layer+1}"),
    traps: xTransformersTraps)

  /// x-transformers with cross attention: three numbers a layer.
  static let xTransformersWithCrossAttention = NameAdapter(
    "x-transformers-cross", title: "x-transformers", order: .preLNWithFinalNorm,
    headScalePlacement: .paper, prefixes: ["net."],
    rules: xTransformersStem
      + xTransformersAttention("attn_layers.layers.{3layer}", xTransformersSelfAttention)
      + xTransformersAttention("attn_layers.layers.{3layer+1}", xTransformersCrossAttention)
      + xTransformersFFN("attn_layers.layers.{3layer+2}"),
    traps: xTransformersTraps)

  private static let xTransformersTraps = [
    Trap("c_attn", "head_scale_params scales each head before out_proj, as in the paper"),
    Trap(
      "w_resid_attention",
      "residual_scale is on the attention's residual, too; the paper scales the FFN's alone"),
    Trap(
      "decoder.layer_norm.weight",
      "gains of the norms around sublayers are stored minus one (norm_add_unit_offset, the default) and read with "
        + "the one added; the gain of the norm after the activation is stored whole"),
    Trap(
      "ffn_layernorm.weight", "the norm after the activation stands before the dropout; fairseq has it after"),
  ]

  private static let xTransformersStem = [
    NameRule("token_emb.emb.weight", .decoder, "decoder.embed_tokens.weight"),
    NameRule("pos_emb.emb.weight", .decoder, "decoder.embed_positions.weight"),
    NameRule("attn_layers.final_norm.gamma", .decoder, "decoder.layer_norm.weight", minusOne: true),
    NameRule("attn_layers.final_norm.g", .decoder, "decoder.layer_norm.weight", minusOne: true),
    NameRule("to_logits.{kind}", .decoder, "decoder.output_projection.{kind}"),
  ]

  private struct Names {
    let attention, inputNorm, headScale, outputNorm, residualScale: String
  }

  private static let xTransformersSelfAttention = Names(
    attention: "self_attn", inputNorm: "self_attn_layer_norm", headScale: "c_attn", outputNorm: "attn_ln",
    residualScale: "w_resid_attention")
  private static let xTransformersCrossAttention = Names(
    attention: "encoder_attn", inputNorm: "encoder_attn_layer_norm", headScale: "encoder_attn.c_attn",
    outputNorm: "cross_attn_ln", residualScale: "w_resid_encoder_attention")

  private static func xTransformersAttention(_ stored: String, _ names: Names) -> [NameRule] {
    xTransformersNorms(stored, names.inputNorm, names.outputNorm) + [
      NameRule("\(stored).1.to_q.{kind}", .decoder, "\(names.attention).q_proj.{kind}"),
      NameRule("\(stored).1.to_k.{kind}", .decoder, "\(names.attention).k_proj.{kind}"),
      NameRule("\(stored).1.to_v.{kind}", .decoder, "\(names.attention).v_proj.{kind}"),
      NameRule("\(stored).1.to_out.{kind}", .decoder, "\(names.attention).out_proj.{kind}"),
      NameRule("\(stored).1.head_scale_params", .decoder, names.headScale, vector: true),
      NameRule("\(stored).2.residual_scale", .decoder, names.residualScale),
    ]
  }

  private static func xTransformersFFN(_ stored: String) -> [NameRule] {
    xTransformersNorms(stored, "final_layer_norm", "ffn_ln") + [
      NameRule("\(stored).1.ff.0.0.{kind}", .decoder, "fc1.{kind}"),
      // The value first, then the gate.
      NameRule("\(stored).1.ff.0.proj.{kind}", .decoder, "fc1.{kind}", "fc_gate.{kind}"),
      NameRule("\(stored).1.ff.1.gamma", .decoder, "ffn_layernorm.weight"),
      NameRule("\(stored).1.ff.2.{kind}", .decoder, "fc2.{kind}"),
      NameRule("\(stored).1.ff.3.{kind}", .decoder, "fc2.{kind}"),
      NameRule("\(stored).2.residual_scale", .decoder, "w_resid"),
    ]
  }

  /// Norms before the branch, after it, and after the sum; LayerNorm has `gamma`, RMSNorm `g`.
  private static func xTransformersNorms(_ stored: String, _ input: String, _ output: String) -> [NameRule] {
    [(0, input), (1, output), (2, input)].flatMap { position, place in
      ["gamma", "g"].map { gain in
        NameRule("\(stored).0.\(position).\(gain)", .decoder, "\(place).weight", minusOne: true)
      }
    }
  }
}
