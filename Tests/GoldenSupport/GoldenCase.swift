import Architecture
import Foundation
import RunData
import Kernels
import Transformer

/// One of `Tests/golden/data`: a tiny model with its float64 gradients from PyTorch autograd. The format is described in
/// `Tests/golden/README.md`.
package struct GoldenCase: Decodable {
  package struct Configuration: Decodable {
    package let placement: String
    package let scaleAttn: Bool
    package let scaleFc: Bool
    package let scaleHeads: String
    package let scaleResids: String
    package let qkvNorm: Bool
    package let geglu: Bool
    package let norm: String
    package let objective: String
    package let layers: Int
    package let dim: Int
    package let heads: Int
    package let ffnDim: Int
    package let vocabSize: Int
    package let sequence: Int
    package let batch: Int
  }

  package struct Tensor: Decodable {
    package let name: String
    package let shape: [Int]
    package let offset: Int
    package let l1: Double
    package let sumSquares: Double
    package let maxAbs: Double
    package let zeroByConstruction: Bool

    package var count: Int { shape.reduce(1, *) }

    private enum Key: CodingKey {
      case name, shape, offset, l1, sumSquares, maxAbs, zeroByConstruction
    }

    package init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      name = try container.decode(String.self, forKey: .name)
      shape = try container.decode([Int].self, forKey: .shape)
      offset = try container.decode(Int.self, forKey: .offset)
      // Trajectories hold weights alone: no sums to compare with.
      l1 = try container.decodeIfPresent(Double.self, forKey: .l1) ?? .nan
      sumSquares = try container.decodeIfPresent(Double.self, forKey: .sumSquares) ?? .nan
      maxAbs = try container.decodeIfPresent(Double.self, forKey: .maxAbs) ?? .nan
      zeroByConstruction = try container.decodeIfPresent(Bool.self, forKey: .zeroByConstruction) ?? false
    }
  }

  package let name: String
  package let configuration: Configuration
  package let tokens: [[Int32]]
  package let targets: [[Int32]]
  package let loss: Double
  package let parameterCount: Int
  package let tensors: [Tensor]

  package static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "golden/data")

  package static func names(_ kind: String) throws -> [String] {
    let data = try Data(contentsOf: folder.appending(path: "index.json"))
    return try JSONDecoder().decode([String: [String]].self, from: data)[kind] ?? []
  }

  package static func load<Value: Decodable>(_ name: String, as: Value.Type) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(
      Value.self, from: Data(contentsOf: folder.appending(path: "\(name).json")))
  }

  /// The file's weights followed by its second half (gradients, or the weights after training).
  package static func numbers(_ name: String) throws -> [Double] {
    try numbers(at: folder.appending(path: "\(name).f64"))
  }

  /// Little-endian float64 without a header.
  package static func numbers(at file: URL) throws -> [Double] {
    let data = try Data(contentsOf: file)
    return stride(from: 0, to: data.count, by: 8).map { start in
      let bits = (0..<8).reduce(UInt64(0)) { $0 | UInt64(data[start + $1]) << (8 * UInt64($1)) }
      return Double(bitPattern: bits)
    }
  }
}

extension GoldenCase.Configuration {
  package var model: ModelConfiguration {
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

  package var shape: PassShape { PassShape(batchSize: batch, sequenceLength: sequence) }
}

extension Model {
  /// Sets every tensor from a golden file's weights.
  package func load(_ tensors: [GoldenCase.Tensor], from numbers: [Double]) throws {
    for (index, parameter) in table.parameters.enumerated() {
      guard let tensor = tensors.first(where: { $0.name == parameter.fullName }) else {
        throw MissingTensor(name: parameter.fullName)
      }
      self.parameter(index).assign(numbers[tensor.offset..<tensor.offset + tensor.count].map { Scalar($0) })
    }
  }
}

package struct MissingTensor: Error { let name: String }
