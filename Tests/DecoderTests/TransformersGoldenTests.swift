import Architecture
import Checkpoints
import Foundation
import Kernels
import RunData
import Testing
import Transformer

/// `Tests/golden/transformers`: tiny models of Transformers' own classes with the float64 gradients of autograd.
struct TransformersCase: Decodable {
  let tokens: [[Int32]]
  let targets: [[Int32]]
  let loss: Double

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "golden/transformers")

  static let names: [String] =
    (try? FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false)).sorted()) ?? []

  static func path(_ name: String) -> String { folder.appending(path: name).path(percentEncoded: false) }

  static func gradients(_ name: String) -> String {
    folder.deletingLastPathComponent().appending(path: "transformers-gradients/\(name).safetensors")
      .path(percentEncoded: false)
  }

  static func load(_ name: String) throws -> TransformersCase {
    try JSONDecoder().decode(
      Self.self, from: Data(contentsOf: folder.appending(path: "\(name)/golden.json")))
  }

  var shape: PassShape { PassShape(batchSize: tokens.count, sequenceLength: tokens[0].count) }
}

@Suite struct TransformersGoldenTests {
  /// A model with the checkpoint's weights after a forward and backward pass, and its loss.
  private func measured<Scalar: KernelScalar>(
    _ name: String, _: Scalar.Type
  ) throws -> (model: Model<Scalar>, loss: Double, golden: TransformersCase) {
    let golden = try TransformersCase.load(name)
    let checkpoint = try DecoderCheckpoint(path: TransformersCase.path(name))
    let model = try Model<Scalar>(checkpoint.configuration, shape: golden.shape, team: Team(threadCount: 2))
    for (index, parameter) in model.table.parameters.enumerated() {
      model.parameter(index).assign(
        try checkpoint.doubles(of: parameter.fullName).map { Scalar($0) })
    }
    let count = golden.targets.joined().count
    let loss = model.computeGradients(
      tokens: Array(golden.tokens.joined()), targets: Array(golden.targets.joined()),
      gradientScale: 1 / Double(count))
    return (model, loss / Double(count), golden)
  }

  /// The gradients of autograd by our names.
  private func gradients(_ name: String) throws -> [String: [Double]] {
    let view = try ModelView(Checkpoint(path: TransformersCase.gradients(name)))
    return try Dictionary(
      uniqueKeysWithValues: view.tensors.map { ($0.place.fullName, try view.doubles(of: $0)) })
  }

  @Test func thereAreEnough() {
    #expect(TransformersCase.names.count >= 13)
  }

  /// Two orders of float64 sums differ by far less than 1e-10 of a tensor's largest gradient.
  @Test(arguments: TransformersCase.names)
  func doubleGradientsAreAutograds(name: String) throws {
    let (model, loss, golden) = try measured(name, Double.self)
    #expect(abs(loss - golden.loss) < 1e-12)
    let expected = try gradients(name)
    let largest = expected.values.joined().map(abs).max() ?? 0
    #expect(Set(expected.keys) == Set(model.table.parameters.map(\.fullName)))
    for (index, parameter) in model.table.parameters.enumerated() {
      let wanted = try #require(expected[parameter.fullName], "\(parameter.fullName)")
      let found = model.gradient(index).array()
      #expect(found.count == wanted.count)
      let isZero = parameter.spec.hasZeroGradient(sequenceLength: golden.shape.sequenceLength)
      // What is zero by construction has no size of its own to compare with.
      let scale = isZero ? largest : (wanted.map(abs).max() ?? 0)
      let worst = zip(found, wanted).map { abs($0 - $1) }.max() ?? 0
      #expect(worst <= 1e-10 * scale, "\(parameter.fullName): \(worst) of \(scale)")
      #expect(((wanted.map(abs).max() ?? 0) < 1e-13 * largest) == isZero, "\(parameter.fullName)")
    }
  }

  /// float32 rounds each product by 6e-8; sums over a tensor stay within 1e-4 of theirs, or of the model's noise floor.
  @Test(arguments: TransformersCase.names)
  func floatSumsAreWithinOnePartInTenThousand(name: String) throws {
    let (model, _, golden) = try measured(name, Float.self)
    let expected = try gradients(name)
    let largest = expected.values.joined().map(abs).max() ?? 0
    for (index, parameter) in model.table.parameters.enumerated()
    where !parameter.spec.hasZeroGradient(sequenceLength: golden.shape.sequenceLength) {
      let wanted = try #require(expected[parameter.fullName]).map(abs).reduce(0, +)
      let floor = 1e-6 * largest * Double(parameter.spec.count)
      #expect(abs(model.gradientSums(index).l1 - wanted) <= 1e-4 * wanted + floor, "\(parameter.fullName)")
    }
  }
}
