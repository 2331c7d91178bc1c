import Foundation
import RunData
import Kernels
import Transformer

/// One of `Tests/golden/data`: a tiny model with its float64 gradients from PyTorch autograd. The format is described in
/// `Tests/golden/README.md`.
struct GoldenCase: Decodable {
  struct Configuration: Decodable {
    let placement: String
    let scaleAttn: Bool
    let scaleFc: Bool
    let scaleHeads: String
    let scaleResids: String
    let qkvNorm: Bool
    let geglu: Bool
    let norm: String
    let objective: String
    let layers: Int
    let dim: Int
    let heads: Int
    let ffnDim: Int
    let vocabSize: Int
    let sequence: Int
    let batch: Int
  }

  struct Tensor: Decodable {
    let name: String
    let shape: [Int]
    let offset: Int
    let l1: Double
    let sumSquares: Double
    let maxAbs: Double
    let zeroByConstruction: Bool

    var count: Int { shape.reduce(1, *) }
  }

  let name: String
  let configuration: Configuration
  let tokens: [[Int32]]
  let targets: [[Int32]]
  let loss: Double
  let parameterCount: Int
  let tensors: [Tensor]

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "golden/data")

  static func names(_ kind: String) throws -> [String] {
    let data = try Data(contentsOf: folder.appending(path: "index.json"))
    return try JSONDecoder().decode([String: [String]].self, from: data)[kind] ?? []
  }

  static func load<Value: Decodable>(_ name: String, as: Value.Type = GoldenCase.self) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(
      Value.self, from: Data(contentsOf: folder.appending(path: "\(name).json")))
  }

  /// The file's weights followed by its second half (gradients, or the weights after training).
  static func numbers(_ name: String) throws -> [Double] {
    let data = try Data(contentsOf: folder.appending(path: "\(name).f64"))
    return stride(from: 0, to: data.count, by: 8).map { start in
      let bits = (0..<8).reduce(UInt64(0)) { $0 | UInt64(data[start + $1]) << (8 * UInt64($1)) }
      return Double(bitPattern: bits)
    }
  }
}

extension GoldenCase.Configuration {
  var model: ModelConfiguration {
    let isMasked = objective == "masked"
    return ModelConfiguration(
      // The generator counts the mask token among the vocabulary.
      layerCount: layers, modelDim: dim, headCount: heads, ffnDim: ffnDim,
      vocabularySize: vocabSize - (isMasked ? 1 : 0),
      placement: NormPlacement(rawValue: placement) ?? .preLN,
      additions: Additions(
        scaleAttention: scaleAttn, scaleFFN: scaleFc,
        scaleHeads: HeadScalePlacement(rawValue: scaleHeads),
        scaleResiduals: ResidualScaling(rawValue: scaleResids) ?? .none, normQueryKeyValue: qkvNorm),
      activation: geglu ? .geglu : .gelu, norm: norm == "rms" ? .rms : .layer,
      objective: isMasked ? .masked : .causal)
  }

  var shape: PassShape { PassShape(batchSize: batch, sequenceLength: sequence) }
}

extension Model {
  /// Sets every tensor from a golden file's weights.
  func load(_ tensors: [GoldenCase.Tensor], from numbers: [Double]) throws {
    for (index, parameter) in table.parameters.enumerated() {
      guard let tensor = tensors.first(where: { $0.name == parameter.fullName }) else {
        throw MissingTensor(name: parameter.fullName)
      }
      self.parameter(index).assign(numbers[tensor.offset..<tensor.offset + tensor.count].map { Scalar($0) })
    }
  }
}

struct MissingTensor: Error { let name: String }
