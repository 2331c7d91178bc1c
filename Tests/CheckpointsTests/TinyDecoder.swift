import Architecture
@testable import Checkpoints

/// The tensors of a decoder of width 4, FFN width 6, vocabulary 5 and 2 heads, to be changed by tests.
struct TinyDecoder {
  struct Additions: OptionSet {
    let rawValue: Int
    static let scaleAttention = Additions(rawValue: 1)
    static let scaleFFN = Additions(rawValue: 2)
    static let scaleHeads = Additions(rawValue: 4)
    static let scaleResiduals = Additions(rawValue: 8)
    static let scaleBothResiduals = Additions(rawValue: 16)
    static let normQueryKeyValue = Additions(rawValue: 32)
    static let normFormer: Additions = [.scaleAttention, .scaleFFN, .scaleHeads, .scaleResiduals]
  }

  var shapes: [String: [Int]] = [:]

  init(
    layers: Int = 3, additions: Additions = [], isPostLN: Bool = false, isRMS: Bool = false,
    isGated: Bool = false
  ) {
    func norm(_ name: String, _ width: Int) {
      shapes["\(name).weight"] = [width]
      if !isRMS { shapes["\(name).bias"] = [width] }
    }
    func linear(_ name: String, _ outputs: Int, _ inputs: Int) {
      shapes["\(name).weight"] = [outputs, inputs]
      shapes["\(name).bias"] = [outputs]
    }
    shapes["decoder.embed_tokens.weight"] = [5, 4]
    if !isPostLN { norm("decoder.layer_norm", 4) }
    for layer in (0..<layers).map({ "decoder.layers.\($0)." }) {
      norm(layer + "self_attn_layer_norm", 4)
      norm(layer + "final_layer_norm", 4)
      for part in ["q", "k", "v"] {
        linear(layer + "self_attn.\(part)_proj", 4, 4)
        if additions.contains(.normQueryKeyValue) { norm(layer + "self_attn.\(part)_layer_norm", 4) }
      }
      linear(layer + "self_attn.out_proj", 4, 4)
      linear(layer + "fc1", isGated ? 12 : 6, 4)
      linear(layer + "fc2", 4, 6)
      if additions.contains(.scaleAttention) { norm(layer + "attn_ln", 4) }
      if additions.contains(.scaleFFN) { norm(layer + "ffn_layernorm", 6) }
      if additions.contains(.scaleHeads) { shapes[layer + "c_attn"] = [2] }
      if !additions.isDisjoint(with: [.scaleResiduals, .scaleBothResiduals]) {
        shapes[layer + "w_resid"] = [4]
      }
      if additions.contains(.scaleBothResiduals) { shapes[layer + "w_resid_attention"] = [4] }
    }
  }

  /// Elements of a tensor: consecutive numbers from one that its name decides.
  static func elements(_ name: String, count: Int) -> [Float] {
    let first = name.utf8.reduce(0) { ($0 * 31 + Int($1)) % 1000 }
    return (0..<count).map { Float(first + $0) }
  }

  func write(
    to path: String, metadata: [String: String] = [:], values: [String: [Float]] = [:]
  ) throws(CheckpointError) {
    let tensors = shapes.map { name, shape in
      let elements = values[name] ?? Self.elements(name, count: shape.reduce(1, *))
      return OutputTensor(name, shape: shape, float: { elements })
    }
    try SafetensorsWriter.write(tensors, metadata: metadata, to: path, replacing: true)
  }
}
