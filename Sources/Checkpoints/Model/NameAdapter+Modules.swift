// Tables of names, after PyTorch's nn.Transformer and weaver-core's ParticleTransformer.py.

extension NameAdapter {
  /// `nn.TransformerEncoder` by itself, under whatever name it has in a model.
  static let torchEncoder = NameAdapter(
    "torch-encoder", title: "nn.TransformerEncoder",
    order: .preLNWithFinalNorm,
    rules: torchLayers(.encoder, stored: "") + [
      NameRule("norm.{kind}", .encoder, "encoder.layer_norm.{kind}")
    ], traps: [normFirst])

  /// `nn.Transformer`, encoder and decoder.
  static let torchTransformer = NameAdapter(
    "torch-transformer", title: "nn.Transformer", order: .postLN, prefixes: ["transformer."],
    rules: torchLayers(.encoder, stored: "encoder.") + torchLayers(.decoder, stored: "decoder.") + [
      NameRule("encoder.norm.{kind}", .encoder, "encoder.layer_norm.{kind}"),
      NameRule("decoder.norm.{kind}", .decoder, "decoder.layer_norm.{kind}"),
    ], traps: [normFirst])

  private static let normFirst = Trap(
    "self_attn_layer_norm.weight",
    "the names do not tell whether the norms stand before the sublayers (norm_first)")

  private static func torchLayers(_ stack: TensorPlace.Stack, stored: String) -> [NameRule] {
    let layer = "\(stored)layers.{layer}."
    var attentions = [("self_attn", "self_attn")]
    var norms = ["self_attn_layer_norm", "final_layer_norm"]
    if stack == .decoder {
      attentions.append(("multihead_attn", "encoder_attn"))
      norms.insert("encoder_attn_layer_norm", at: 1)
    }
    let projections = attentions.flatMap { attention, place in
      ["weight", "bias"].map { kind in
        NameRule(
          "\(layer)\(attention).in_proj_\(kind)", stack, "\(place).q_proj.\(kind)", "\(place).k_proj.\(kind)",
          "\(place).v_proj.\(kind)")
      } + [NameRule("\(layer)\(attention).out_proj.{kind}", stack, "\(place).out_proj.{kind}")]
    }
    let normRules = norms.enumerated().map { index, norm in
      NameRule("\(layer)norm\(index + 1).{kind}", stack, "\(norm).{kind}")
    }
    return projections + normRules + [
      NameRule(layer + "linear1.{kind}", stack, "fc1.{kind}"),
      NameRule(layer + "linear2.{kind}", stack, "fc2.{kind}"),
    ]
  }

  /// Particle Transformer of weaver-core, whose blocks have all of NormFormer's operations.
  static let particleTransformer = NameAdapter(
    "particle-transformer", title: "Particle Transformer", order: .preLN, prefixes: ["mod."],
    rules: particleBlocks("blocks", .encoder) + particleBlocks("cls_blocks", .none) + [
      NameRule("norm.{kind}", .encoder, "encoder.layer_norm.{kind}")
    ],
    traps: [
      Trap(
        "c_attn",
        "c_attn scales chunks of the attention's output, not the heads before it as in the paper; until February 2026 "
          + "it exchanged heads and chunk elements too, which the tensors do not tell",
        unlessStated: CheckpointMetadataKey.headScalePlacement)
    ])

  private static func particleBlocks(_ stored: String, _ stack: TensorPlace.Stack) -> [NameRule] {
    let same = ["fc1.{kind}", "fc2.{kind}", "c_attn", "w_resid"].map {
      NameRule("\(stored).{layer}.\($0)", stack, $0)
    }
    let norms = [
      ("pre_attn_norm", "self_attn_layer_norm"), ("post_attn_norm", "attn_ln"),
      ("pre_fc_norm", "final_layer_norm"),
      ("post_fc_norm", "ffn_layernorm"), ("attn.out_proj", "self_attn.out_proj"),
    ].map { NameRule("\(stored).{layer}.\($0.0).{kind}", stack, "\($0.1).{kind}") }
    let projections = ["weight", "bias"].map { kind in
      NameRule(
        "\(stored).{layer}.attn.in_proj_\(kind)", stack, "self_attn.q_proj.\(kind)",
        "self_attn.k_proj.\(kind)",
        "self_attn.v_proj.\(kind)")
    }
    return same + norms + projections
  }
}
