/// Which tensors are gains and learned scales, by name.
enum GainName {
  /// What ends the name of a norm, before `.weight`.
  private static let norms = ["layer_norm", "layernorm", "norm", "_ln", "ln_1", "ln_2", "ln_f", "LayerNorm"]
  /// The additions of NormFormer that are not norms.
  private static let scales = ["c_attn", "w_resid", "w_resid_attention", "w_resid_encoder_attention"]
  /// The paper's letters.
  private static let symbols = [
    "attn_ln.weight": "α", "ffn_layernorm.weight": "α", "c_attn": "γ", "self_attn.c_attn": "γ",
    "encoder_attn.c_attn": "γ", "w_resid": "λ", "w_resid_attention": "λ", "w_resid_encoder_attention": "λ",
  ]

  /// Whether a tensor of this name and shape is a gain or scale.
  static func isGain(_ operation: String, shape: [Int]) -> Bool {
    guard shape.count == 1 else { return false }
    if scales.contains(where: { operation == $0 || operation.hasSuffix("." + $0) }) { return true }
    guard operation.hasSuffix(".weight") else { return false }
    let stem = operation.dropLast(".weight".count)
    return norms.contains { stem.hasSuffix($0) }
  }

  /// Whether a tensor is γ, one number a head.
  static func isHeadScale(_ operation: String, shape: [Int]) -> Bool {
    shape.count == 1 && (operation == "c_attn" || operation.hasSuffix(".c_attn"))
  }

  /// The paper's letter before the name: `α ffn_layernorm`; other norms under their names alone.
  static func title(_ operation: String) -> String {
    let name = operation.hasSuffix(".weight") ? String(operation.dropLast(".weight".count)) : operation
    return symbols[operation].map { "\($0) \(name)" } ?? name
  }

  /// The tensor whose values a run file keeps under the name of a scale.
  static func tensorName(ofScale scale: String) -> String {
    if scales.contains(scale) { return scale }
    if ["q_layer_norm", "k_layer_norm", "v_layer_norm"].contains(scale) {
      return "self_attn.\(scale).weight"
    }
    return scale + ".weight"
  }
}
