import Randomness
import RunData

@testable import Analysis

/// Learned scales made in code, shaped as in the paper's Figure 4: FFN LN's gains rise with depth, Post-Attn LN's lie below
/// 1, HeadScale's scatter.
enum SyntheticScales {
  static let scales = [
    ScaleLayout(name: "self_attn_layer_norm", axis: .modelElement), ScaleLayout(name: "c_attn", axis: .head),
    ScaleLayout(name: "attn_ln", axis: .modelElement), ScaleLayout(name: "ffn_layernorm", axis: .ffnElement),
    ScaleLayout(name: "w_resid", axis: .modelElement),
  ]
  static let decaying = #"{"decayed": "all", "lr": 0.002, "update": true, "weight-decay": 0.5}"#

  /// A run whose snapshots lie 50 steps apart, the first at 0.
  ///
  /// - Parameter change: what becomes of a value of a scale in a layer, element by element, at a step.
  static func run(
    layers: Int = 12, seed: UInt64 = 1, last: Int = 150, configuration: String = decaying,
    scales: [ScaleLayout] = scales, step: Int? = nil, title: String? = nil,
    change: (Float, _ scale: String, _ layer: Int, _ element: Int, _ step: Int) -> Float = {
      value, _, _, _, _ in value
    }
  ) -> ScaleSource {
    var run = SyntheticRuns.run(
      values: (0..<layers).map { _ in Array(repeating: 1, count: last) }, architecture: "normformer",
      seed: seed,
      configuration: configuration)
    run.learningRate = Array(repeating: 0.002, count: last)
    run.manifest.scales = scales
    let snapshots = stride(from: 0, through: last, by: 50).map { step in
      ScaleSnapshot(
        step: step,
        values: scales.map { scale in
          let width = [.head: 4, .ffnElement: 48, .modelElement: 16][scale.axis] ?? 0
          return (0..<layers).flatMap { layer in
            (0..<width).map { element in
              let place = UInt64((layer * 64 + element) * 100_000 + step)
              let noise = Philox(seed: seed, stream: scale.name).normal(at: place)
              let value = level(
                scale.name, Double(layer) / Double(max(1, layers - 1)), noise, Double(step) / 150)
              return change(Float(value), scale.name, layer, element, step)
            }
          }
        })
    }
    return ScaleSource(
      title: title ?? "normformer-seed\(seed).h5", origin: .run(run, snapshots: snapshots, schedule: nil),
      step: step)
  }

  /// 1 at time 0.
  private static func level(_ scale: String, _ depth: Double, _ noise: Double, _ time: Double) -> Double {
    switch scale {
    case "ffn_layernorm": 1 + time * (-0.7 + 0.6 * depth + 0.1 * noise)
    case "attn_ln": 1 + time * (-0.65 + 0.05 * noise)
    case "c_attn": 1 + time * (-0.2 + 0.3 * noise)
    case "w_resid": 1 + time * (-0.1 * depth + 0.02 * noise)
    default: 1 + time * 0.05 * noise
    }
  }

  /// A checkpoint with some gains, layer by layer.
  static func checkpoint(_ gains: [(name: String, values: [[Double]])], title: String = "model.safetensors")
    -> ScaleSource
  {
    ScaleSource(
      title: title,
      origin: .checkpoint(
        layers: Array(0..<(gains.map(\.values.count).max() ?? 0)),
        gains: gains.flatMap { gain in
          gain.values.enumerated().map {
            ScaleSource.Gain(name: gain.name, layer: $0.offset, values: $0.element)
          }
        }))
  }
}
