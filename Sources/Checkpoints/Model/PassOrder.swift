/// The order in which data pass the tensors of a model.
struct PassOrder {
  /// Layers whose norms stand before the sublayers.
  let isPreLN: Bool

  /// Sorts tensors: encoder before decoder; embeddings, layers, and what comes after the stack.
  func sorted(_ tensors: [ModelTensor]) -> [ModelTensor] {
    let ranks = Self.ranks(isPreLN ? Self.preLNLayer : Self.postLNLayer)
    return tensors.map { (key: key($0.place, ranks), tensor: $0) }.sorted { $0.key < $1.key }.map(\.tensor)
  }

  private typealias Key = (stack: Int, section: Int, layer: Int, rank: Int, name: String, expert: Int)

  private func key(_ place: TensorPlace, _ ranks: [String: Int]) -> Key {
    let stack = TensorPlace.Stack.allCases.firstIndex(of: place.stack) ?? 0
    // A weight before its bias.
    let bias = place.name.hasSuffix(".bias") ? 1 : 0
    guard let layer = place.layer else {
      let tail = place.name.drop { $0 != "." }.dropFirst()
      let rank = Self.stem.firstIndex { tail.hasPrefix($0) } ?? Self.stem.count
      return (stack, rank < Self.stemBeforeLayers ? 0 : 2, 0, 2 * rank + bias, place.name, 0)
    }
    let stem = place.name.replacing(".weight", with: "").replacing(".bias", with: "")
    let rank = 2 * (ranks[stem] ?? ranks.count) + bias
    return (stack, 1, layer, rank, place.name, place.expert ?? 0)
  }

  private static func ranks(_ names: [String]) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
  }

  static let stem = [
    "embed_tokens", "embed_positions", "embed_types", "layernorm_embedding", "project_in", "layer_norm",
    "project_out", "pooler", "lm_head", "output_projection",
  ]
  static let stemBeforeLayers = 5

  private static func attention(_ name: String) -> [String] {
    [
      "qkv_proj", "q_a_proj", "q_a_layer_norm", "q_b_proj", "kv_a_proj", "kv_a_layer_norm", "kv_b_proj",
      "q_proj",
      "k_proj", "v_proj", "q_layer_norm", "k_layer_norm", "v_layer_norm", "v_gate", "relative_attention_bias",
      "sinks", "out_proj", "c_attn",
    ].map { "\(name).\($0)" }
  }

  private static let selfAttention =
    attention("self_attn") + ["c_attn", "attn_ln", "attn_layer_scale", "w_resid_attention"]
  private static let crossAttention =
    attention("encoder_attn") + ["cross_attn_ln", "cross_attn_layer_scale", "w_resid_encoder_attention"]
  private static let experts = ["experts", "shared_experts"].flatMap { own in
    ["router", "fc_gate_up", "fc_gate", "fc1", "fc2"].map { "\(own).\($0)" }
  }
  private static let ffn =
    ["fc_gate_up", "fc_gate", "fc1", "ffn_layernorm", "fc2", "router"] + experts
    + ["ffn_ln", "ffn_layer_scale", "w_resid"]
  /// Of layers with an FFN before the attention as well.
  private static let firstFFN = [
    "layer_norm", "fc_gate", "fc1", "ffn_layernorm", "fc2", "ffn_ln", "layer_scale", "w_resid",
  ].map { "first_ffn.\($0)" }

  static let preLNLayer =
    firstFFN + ["self_attn_layer_norm"] + selfAttention + ["encoder_attn_layer_norm"] + crossAttention
    + ["final_layer_norm"] + ffn
  static let postLNLayer =
    firstFFN + selfAttention + ["self_attn_layer_norm"] + crossAttention + ["encoder_attn_layer_norm"] + ffn
    + ["final_layer_norm"]
}
