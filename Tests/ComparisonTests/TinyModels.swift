import Checkpoints
import Comparison
import Kernels

/// Small checkpoints in memory, with fairseq's names unless said otherwise.
enum TinyModels {
  typealias Tensor = (name: String, shape: [Int], values: [Float])

  static let team = Team(threadCount: 2)

  static func side(_ title: String, _ tensors: [Tensor]) throws -> ComparisonSide {
    try ComparisonSide(
      title: title, checkpoint: Checkpoint(path: title, format: .safetensors, values: tensors))
  }

  /// Four-wide decoder layers; layer `l` has a `fc1.weight` of `l + 1`, gains of one and small biases.
  static func decoder(layers: Int = 3, _ change: (Tensor) -> Tensor? = { $0 }) -> [Tensor] {
    var tensors: [Tensor] = [
      ("decoder.embed_tokens.weight", [5, 4], (0..<20).map { Float($0) / 8 })
    ]
    for layer in 0..<layers {
      let prefix = "decoder.layers.\(layer)."
      tensors += [
        (prefix + "fc1.weight", [8, 4], Array(repeating: Float(layer + 1), count: 32)),
        (prefix + "fc1.bias", [8], (0..<8).map { Float($0) / 16 }),
        (prefix + "ffn_layernorm.weight", [8], Array(repeating: 1, count: 8)),
        (prefix + "c_attn", [2], [1, 1]),
        (prefix + "w_resid", [4], [1, 1, 1, 1]),
      ]
    }
    return tensors.compactMap(change)
  }

  /// The decoder with some elements shifted in tensors whose name ends with `suffix`.
  static func shifted(_ suffix: String, by shift: Float, layers: Int = 3) -> [Tensor] {
    decoder(layers: layers) { tensor in
      guard tensor.name.hasSuffix(suffix) else { return tensor }
      return (tensor.name, tensor.shape, tensor.values.map { $0 + shift })
    }
  }

  static func compare(
    _ first: [Tensor], _ second: [Tensor], noise: [[Tensor]] = [], threshold: Double? = nil
  ) throws -> CheckpointComparison {
    try CheckpointComparison(
      side("a.safetensors", first), side("b.safetensors", second),
      noise: noise.enumerated().map { try side("seed\($0).safetensors", $1) }, threshold: threshold,
      team: team)
  }
}
