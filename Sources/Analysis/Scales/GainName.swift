import RunData

/// Which tensors are gains and learned scales, by their names within a layer, and what they are called.
public enum GainName {
  /// What ends the name of a norm, before `.weight`.
  private static let norms = ["layer_norm", "layernorm", "norm", "_ln", "ln_1", "ln_2", "ln_f", "LayerNorm"]
  /// The additions of NormFormer that are not norms.
  private static let scales = ["c_attn", "w_resid", "w_resid_attention", "w_resid_encoder_attention"]
  /// What ends the name of a learned factor on a branch.
  private static let layerScale = "_layer_scale"
  /// The paper's additions in its order of figures: the tensor, the letter, the paper's words.
  private static let additions: [(tensor: String, symbol: String, words: String)] = [
    ("ffn_layernorm.weight", "α", "FFN LN α"), ("attn_ln.weight", "α", "Post-Attn LN α"),
    ("cross_attn_ln.weight", "α", "Post-Cross-Attn LN α"), ("c_attn", "γ", "HeadScale γ"),
    ("self_attn.c_attn", "γ", "HeadScale γ"), ("encoder_attn.c_attn", "γ", "HeadScale γ (cross attention)"),
    ("w_resid", "λ", "ResScale λ"), ("w_resid_attention", "λ", "ResScale λ (attention)"),
    ("w_resid_encoder_attention", "λ", "ResScale λ (cross attention)"),
  ]

  /// Whether a tensor of this name and shape is a gain or scale.
  public static func isGain(_ operation: String, shape: [Int]) -> Bool {
    guard shape.count == 1 else { return false }
    if scales.contains(where: { operation == $0 || operation.hasSuffix("." + $0) }) { return true }
    if operation.hasSuffix(layerScale) { return true }
    guard operation.hasSuffix(".weight") else { return false }
    let stem = operation.dropLast(".weight".count)
    return norms.contains { stem.hasSuffix($0) }
  }

  /// Whether a tensor is γ, one number a head.
  public static func isHeadScale(_ operation: String, shape: [Int]) -> Bool {
    shape.count == 1 && isHeadScale(operation)
  }

  /// Whether a gain of this name is γ.
  static func isHeadScale(_ operation: String) -> Bool {
    operation == "c_attn" || operation.hasSuffix(".c_attn")
  }

  /// Whether a gain is one of those that NormFormer adds.
  public static func isAddition(_ operation: String) -> Bool { additions.contains { $0.tensor == operation } }

  /// Whether a gain is shown without asking: those that NormFormer adds, and what other placements learn beside their norms: norms
  /// of queries, keys and values, of the FFN's branch, factors on branches, the slopes of DyT.
  public static func isShown(_ operation: String) -> Bool {
    if isAddition(operation) || operation == "ffn_ln.weight" || operation.hasSuffix(layerScale)
      || operation.hasSuffix(".alpha")
    {
      return true
    }
    return ["q_layer_norm", "k_layer_norm", "v_layer_norm"].contains {
      operation.hasSuffix("self_attn.\($0).weight")
    }
  }

  /// The place of a gain in figures: the paper's additions first, in its order; equal for all others.
  static func rank(_ operation: String) -> Int {
    additions.firstIndex { $0.tensor == operation } ?? additions.count
  }

  /// The name without `.weight`, as run files have it: `ffn_layernorm`, `c_attn`.
  static func short(_ operation: String) -> String {
    operation.hasSuffix(".weight") ? String(operation.dropLast(".weight".count)) : operation
  }

  /// The paper's letter before the name: `α ffn_layernorm`; other norms under their names alone.
  public static func title(_ operation: String) -> String {
    let name = short(operation)
    return additions.first { $0.tensor == operation }.map { "\($0.symbol) \(name)" } ?? name
  }

  /// The paper's words: `FFN LN α`; other norms under their names alone.
  static func words(_ operation: String) -> String {
    additions.first { $0.tensor == operation }?.words ?? short(operation)
  }

  /// A tensor's name from either form: `ffn_layernorm` and `ffn_layernorm.weight` are one.
  static func fullName(_ name: String) -> String {
    name.hasSuffix(".weight") ? name : tensorName(ofScale: name)
  }

  /// The tensor that a run file's name of a scale stands for, where no list of tensors says it.
  static func tensorName(ofScale scale: String) -> String {
    if scales.contains(scale) || scale.hasSuffix(layerScale) { return scale }
    if ["q_layer_norm", "k_layer_norm", "v_layer_norm"].contains(scale) {
      return "self_attn.\(scale).weight"
    }
    return scale + ".weight"
  }
}

extension RunManifest {
  /// The tensors whose values snapshots have, one for each of ``RunManifest/scales``.
  public var scaleTensorNames: [String] {
    let named = Dictionary(
      gradients.tensorNames.map { (ScaleLayout.name(ofTensor: $0), $0) },
      uniquingKeysWith: { first, _ in first })
    return scales.map { named[$0.name] ?? GainName.tensorName(ofScale: $0.name) }
  }

  /// The values of one of ``RunManifest/scales`` in a layer; nil where the layer has no such scale.
  ///
  /// - Parameter tensor: the scale's of ``scaleTensorNames``.
  public func scaleValues(
    _ index: Int, tensor: String, layer: Int, in snapshot: ScaleSnapshot
  ) -> ArraySlice<Float>? {
    let column = gradients.tensorNames.firstIndex(of: tensor)
    let count = column.map { gradients.elementCounts[gradients.index(layer: layer, tensor: $0)] }
    let width = snapshot.values[index].count / max(1, gradients.layerCount)
    guard count != 0, width > 0 else { return nil }
    return snapshot.values[index][layer * width..<(layer + 1) * width]
  }
}
