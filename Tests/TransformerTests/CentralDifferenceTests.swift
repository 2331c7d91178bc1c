import Architecture
import GoldenSupport
import Kernels
import Randomness
import RunData
import Testing
import Transformer

/// The Double engine's gradients against central differences, at sizes that fill vectors, cut blocks of queries and of rows, and leave
/// rests: what the golden cases are too small for.
@Suite struct CentralDifferenceTests {
  struct Case: CustomTestStringConvertible {
    let name: String
    let configuration: ModelConfiguration
    let shape: PassShape
    var dropoutSeed: UInt64?
    var testDescription: String { name }
  }

  private static func configuration(
    _ placement: NormPlacement, _ additions: Additions, dim: Int = 22, heads: Int = 2, ffn: Int = 37,
    activation: Activation = .gelu, norm: NormKind = .layer, objective: Objective = .causal,
    dropout: Double = 0
  ) -> ModelConfiguration {
    ModelConfiguration(
      layerCount: 2, modelDim: dim, headCount: heads, ffnDim: ffn, vocabularySize: 29, placement: placement,
      additions: additions, activation: activation, norm: norm, objective: objective, dropout: dropout,
      attentionDropout: dropout)
  }

  static let everything = Additions(
    scaleAttention: true, scaleFFN: true, scaleHeads: .fairseq2021, scaleResiduals: .both,
    normQueryKeyValue: true)

  /// 70 positions: a block of 64 queries and one of 6.
  static let cases = [
    Case(
      name: "post-ln", configuration: configuration(.postLN, .none),
      shape: PassShape(batchSize: 2, sequenceLength: 70)),
    Case(
      name: "pre-ln", configuration: configuration(.preLN, .none),
      shape: PassShape(batchSize: 1, sequenceLength: 70)),
    Case(
      name: "normformer", configuration: configuration(.preLN, .normFormer),
      shape: PassShape(batchSize: 3, sequenceLength: 9)),
    Case(
      name: "everything, masked, GeGLU, RMSNorm",
      configuration: configuration(
        .postLN, everything, activation: .geglu, norm: .rms, objective: .masked),
      shape: PassShape(batchSize: 1, sequenceLength: 66)),
    Case(
      name: "dropout", configuration: configuration(.preLN, .normFormer, dropout: 0.3),
      shape: PassShape(batchSize: 2, sequenceLength: 11), dropoutSeed: 5),
  ]

  @Test(arguments: cases)
  func gradientsAreCentralDifferences(test: Case) throws {
    let model = try Model<Double>(test.configuration, shape: test.shape, team: Team(threadCount: 2))
    randomize(model)
    let tokens = (0..<test.shape.rows).map { Int32(($0 * 17 + 3) % 29) }
    let targets = (0..<test.shape.rows).map { target(row: $0) }
    let scale = 1 / Double(targets.count { $0 >= 0 })
    let dropout = test.dropoutSeed.map { DropoutKey(seed: $0, step: 3) }
    func loss() -> Double {
      model.computeGradients(tokens: tokens, targets: targets, gradientScale: scale, dropout: dropout) * scale
    }
    // Losses are of order 3.
    expectCentralDifferences(of: model, picks: 3, floor: 2e-10, loss: loss)
  }

  /// Every fifth position does not count.
  private func target(row: Int) -> Int32 { row % 5 == 2 ? -1 : Int32((row * 11 + 7) % 29) }

  private func randomize(_ model: Model<Double>) {
    for (index, parameter) in model.table.parameters.enumerated() {
      let generator = Philox(seed: 3, stream: parameter.fullName)
      let row = model.parameter(index)
      let isGain = parameter.spec.kind == .gain || parameter.spec.kind == .scale
      for element in 0..<row.count {
        row[element] = (isGain ? 1 : 0) + 0.3 * generator.normal(at: UInt64(element))
      }
    }
  }
}
