import Architecture
import RunData

// Tables of names, after x-transformers' x_transformers.py.

extension NameAdapter {
  /// x-transformers without cross attention: attention and FFN are numbered in turn.
  static let xTransformers = NameAdapter(
    "x-transformers", title: "x-transformers", order: .preLNWithFinalNorm,
    headScalePlacement: .paper, hasRotaryPositions: true, prefixes: ["net."],
    rules: xTransformersStem
      + xTransformersAttention("attn_layers.layers.{2layer}", xTransformersSelfAttention)
      + xTransformersFFN("attn_layers.layers.{2layer+1}", xTransformersMainFFN),
    traps: xTransformersTraps)

  /// x-transformers with cross attention: three numbers a layer.
  static let xTransformersWithCrossAttention = NameAdapter(
    "x-transformers-cross", title: "x-transformers", order: .preLNWithFinalNorm,
    headScalePlacement: .paper, hasRotaryPositions: true, prefixes: ["net."],
    rules: xTransformersStem
      + xTransformersAttention("attn_layers.layers.{3layer}", xTransformersSelfAttention)
      + xTransformersAttention("attn_layers.layers.{3layer+1}", xTransformersCrossAttention)
      + xTransformersFFN("attn_layers.layers.{3layer+2}", xTransformersMainFFN),
    traps: xTransformersTraps)

  /// x-transformers with `macaron`: an FFN at half weight before the attention as well.
  static let xTransformersMacaron = NameAdapter(
    "x-transformers-macaron", title: "x-transformers", order: .preLNWithFinalNorm,
    headScalePlacement: .paper, hasRotaryPositions: true, prefixes: ["net."],
    rules: xTransformersStem
      + xTransformersFFN("attn_layers.layers.{3layer}", xTransformersFirstFFN)
      + xTransformersAttention("attn_layers.layers.{3layer+1}", xTransformersSelfAttention)
      + xTransformersFFN("attn_layers.layers.{3layer+2}", xTransformersMainFFN),
    traps: xTransformersTraps)

  private static let xTransformersTraps = [
    Trap("c_attn", "head_scale_params scales each head before out_proj, as in the paper"),
    Trap(
      "w_resid_attention",
      "residual_scale is on the attention's residual, too; the paper scales the FFN's alone"),
    Trap(
      "decoder.layer_norm.weight",
      "gains of the norms around sublayers are stored minus one (norm_add_unit_offset, the default) and read with "
        + "the one added, which is one too many for a model made with norm_add_unit_offset=False; the gain of the norm "
        + "after the activation is stored whole"),
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

  private struct AttentionNames {
    let attention, inputNorm, headScale, outputNorm, residualScale, layerScale: String
  }

  private struct FFNNames {
    let linear1, gate, linear2, inputNorm, innerNorm, outputNorm, residualScale, layerScale: String
  }

  private static let xTransformersSelfAttention = AttentionNames(
    attention: "self_attn", inputNorm: "self_attn_layer_norm", headScale: "c_attn", outputNorm: "attn_ln",
    residualScale: "w_resid_attention", layerScale: "attn_layer_scale")
  private static let xTransformersCrossAttention = AttentionNames(
    attention: "encoder_attn", inputNorm: "encoder_attn_layer_norm", headScale: "encoder_attn.c_attn",
    outputNorm: "cross_attn_ln", residualScale: "w_resid_encoder_attention",
    layerScale: "cross_attn_layer_scale")
  private static let xTransformersMainFFN = FFNNames(
    linear1: "fc1", gate: "fc_gate", linear2: "fc2", inputNorm: "final_layer_norm",
    innerNorm: "ffn_layernorm", outputNorm: "ffn_ln", residualScale: "w_resid", layerScale: "ffn_layer_scale")
  private static let xTransformersFirstFFN = FFNNames(
    linear1: "first_ffn.fc1", gate: "first_ffn.fc_gate", linear2: "first_ffn.fc2",
    inputNorm: "first_ffn.layer_norm", innerNorm: "first_ffn.ffn_layernorm", outputNorm: "first_ffn.ffn_ln",
    residualScale: "first_ffn.w_resid", layerScale: "first_ffn.layer_scale")

  private static func xTransformersAttention(_ stored: String, _ names: AttentionNames) -> [NameRule] {
    xTransformersSublayer(stored, names.inputNorm, names.outputNorm, names.residualScale, names.layerScale)
      + ["1", "1.fn"].map { "\(stored).\($0)" }.flatMap { inner in
        [
          NameRule("\(inner).to_q.{kind}", .decoder, "\(names.attention).q_proj.{kind}"),
          NameRule("\(inner).to_k.{kind}", .decoder, "\(names.attention).k_proj.{kind}"),
          NameRule("\(inner).to_v.{kind}", .decoder, "\(names.attention).v_proj.{kind}"),
          NameRule("\(inner).to_out.{kind}", .decoder, "\(names.attention).out_proj.{kind}"),
          NameRule("\(inner).to_v_gate.{kind}", .decoder, "\(names.attention).v_gate.{kind}"),
          NameRule("\(inner).head_scale_params", .decoder, names.headScale, vector: true),
          NameRule(
            "\(inner).qk_norm_q_scale", .decoder, "\(names.attention).q_layer_norm.weight", vector: true),
          NameRule(
            "\(inner).qk_norm_k_scale", .decoder, "\(names.attention).k_layer_norm.weight", vector: true),
        ]
      }
  }

  private static func xTransformersFFN(_ stored: String, _ names: FFNNames) -> [NameRule] {
    xTransformersSublayer(stored, names.inputNorm, names.outputNorm, names.residualScale, names.layerScale)
      + ["1", "1.fn"].map { "\(stored).\($0).ff" }.flatMap { inner in
        [
          NameRule("\(inner).0.0.{kind}", .decoder, "\(names.linear1).{kind}"),
          // The value first, then the gate.
          NameRule("\(inner).0.proj.{kind}", .decoder, "\(names.linear1).{kind}", "\(names.gate).{kind}"),
          NameRule("\(inner).1.gamma", .decoder, "\(names.innerNorm).weight"),
          NameRule("\(inner).2.{kind}", .decoder, "\(names.linear2).{kind}"),
          NameRule("\(inner).3.{kind}", .decoder, "\(names.linear2).{kind}"),
        ]
      }
  }

  /// What stands around attention and FFN alike: norms before the branch, after it, and after the sum (LayerNorm has `gamma`,
  /// RMSNorm `g`), and scales of the residual and of the branch, which then lies one level deeper, in `fn`.
  private static func xTransformersSublayer(
    _ stored: String, _ inputNorm: String, _ outputNorm: String, _ residualScale: String, _ layerScale: String
  ) -> [NameRule] {
    let norms = [(0, inputNorm), (1, outputNorm), (2, inputNorm)].flatMap { position, place in
      ["gamma", "g"].map { gain in
        NameRule("\(stored).0.\(position).\(gain)", .decoder, "\(place).weight", minusOne: true)
      }
    }
    return norms + [
      NameRule("\(stored).1.gamma", .decoder, layerScale, minusOne: true),
      NameRule("\(stored).2.residual_scale", .decoder, residualScale),
    ]
  }
}
