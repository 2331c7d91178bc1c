import Architecture
import Kernels
import RunData
import Testing
import Transformer

/// What the equations say of gradients whatever the data, exact up to LayerNorm's ε.
@Suite struct InvariantTests {
  private func gradients(
    _ additions: Additions, prepare: (Model<Double>) throws -> Void = { _ in }
  ) throws -> Model<Double> {
    let configuration = ModelConfiguration(
      layerCount: 2, modelDim: 24, headCount: 4, ffnDim: 40, vocabularySize: 31, placement: .preLN,
      additions: additions)
    let model = try Model<Double>(
      configuration, shape: PassShape(batchSize: 2, sequenceLength: 12), team: Team(threadCount: 1))
    model.initialize(seed: 4)
    try prepare(model)
    let tokens = (0..<24).map { Int32(($0 * 7 + 1) % 31) }
    let targets = (0..<24).map { Int32(($0 * 5 + 2) % 31) }
    _ = model.computeGradients(tokens: tokens, targets: targets, gradientScale: 1.0 / 24)
    return model
  }

  private func index(_ model: Model<Double>, _ name: String) throws -> Int {
    try #require(model.table.parameters.firstIndex { $0.fullName == "decoder.layers.1.\(name)" })
  }

  private func dot(_ model: Model<Double>, _ name: String) throws -> (sum: Double, scale: Double) {
    let index = try index(model, name)
    let terms = zip(model.parameter(index).array(), model.gradient(index).array()).map { $0 * $1 }
    return (terms.reduce(0, +), terms.reduce(0) { $0 + $1.magnitude })
  }

  /// ε = 1e-5 beside a variance of order 0.1 breaks the invariance in the fourth digit.
  private let tolerance = 1e-3

  @Test(arguments: [HeadScalePlacement.fairseq, .fairseq2021])
  func postAttnLNMakesTheScaleOfHeadScaleIrrelevant(placement: HeadScalePlacement) throws {
    let model = try gradients(Additions(scaleAttention: true, scaleHeads: placement)) { model in
      let c = try index(model, "c_attn")
      for head in 0..<4 { model.parameter(c)[head] = 1 + 0.2 * Double(head) }
    }
    let gamma = try dot(model, "c_attn")
    #expect(gamma.scale > 1e-6)
    #expect(abs(gamma.sum) <= tolerance * gamma.scale)
  }

  @Test func postAttnLNMakesTheScaleOfTheOutputProjectionIrrelevant() throws {
    let model = try gradients(Additions(scaleAttention: true, scaleHeads: .paper))
    let weight = try dot(model, "self_attn.out_proj.weight")
    let bias = try dot(model, "self_attn.out_proj.bias")
    #expect(weight.scale > 1e-6)
    #expect(abs(weight.sum + bias.sum) <= tolerance * (weight.scale + bias.scale))
    // With b_O = 0 as at the start, the paper's HeadScale has the same freedom.
    let gamma = try dot(model, "c_attn")
    #expect(abs(gamma.sum) <= tolerance * gamma.scale)
  }

  @Test func postAttnLNMakesACommonShiftIrrelevant() throws {
    let model = try gradients(Additions(scaleAttention: true))
    let bias = model.gradient(try index(model, "self_attn.out_proj.bias")).array()
    let scale = bias.reduce(0) { $0 + $1.magnitude }
    #expect(scale > 1e-6)
    // Exact: the mean is subtracted whatever ε is.
    #expect(abs(bias.reduce(0, +)) <= 1e-12 * scale)
  }

  @Test(arguments: [HeadScalePlacement.paper, .fairseq])
  func scalesOfOneChangeNothing(placement: HeadScalePlacement) throws {
    let tokens = (0..<24).map { Int32(($0 * 7 + 1) % 31) }
    let targets = (0..<24).map { Int32(($0 * 5 + 2) % 31) }
    let plain = try gradients(.none).loss(tokens: tokens, targets: targets)
    let scaled = try gradients(Additions(scaleHeads: placement, scaleResiduals: .both))
      .loss(tokens: tokens, targets: targets)
    #expect(plain == scaled)
    let exchanged = try gradients(Additions(scaleHeads: .fairseq2021)).loss(tokens: tokens, targets: targets)
    #expect(abs(exchanged - plain) > 1e-6 * plain)
  }
}
