import Foundation
import Transformer

/// One of `Tests/golden/finetuning`: a tiny model that judges sequences, with its float64 gradients and twenty updates of AdamW by PyTorch
/// (`Tests/golden/finetuning.py`).
package struct FineTuningCase: Decodable {
  package struct Recipe: Decodable {
    package let updates: Int
    package let peakLearningRate: Double
    package let warmup: Int
    package let beta1: Double
    package let beta2: Double
    package let epsilon: Double
    package let weightDecay: Double
  }

  package let name: String
  package let configuration: GoldenCase.Configuration
  package let outputs: Int
  package let batch: [[Int32]]
  package let labels: [Double]
  package let recipe: Recipe
  package let losses: [Double]
  package let parameterCount: Int
  package let tensors: [GoldenCase.Tensor]

  package static let names = ["causal-classes", "masked-classes", "causal-score", "masked-score"]

  private static let folder = GoldenCase.folder.deletingLastPathComponent().appending(path: "finetuning")

  /// The case, and its weights, gradients, and weights after the updates.
  package static func load(_ name: String) throws -> (golden: Self, numbers: [Double]) {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let data = try Data(contentsOf: folder.appending(path: "\(name).json"))
    return (
      try decoder.decode(Self.self, from: data),
      try GoldenCase.numbers(at: folder.appending(path: "\(name).f64"))
    )
  }

  package var sequences: SequenceBatch {
    SequenceBatch(tokens: batch.flatMap(\.self), lengths: batch.map(\.count))
  }

  package var targets: SequenceBatch.Targets {
    outputs == 1 ? .scores(labels) : .classes(labels.map { Int32($0) })
  }
}
