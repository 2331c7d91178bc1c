import Architecture
import Foundation
import GoldenSupport
import Kernels
import RunData
import Testing
import Transformer

/// A tiny model of a preset with its float64 gradients from PyTorch autograd: `Tests/golden/placements`.
private struct PlacementCase: Decodable {
  struct Configuration: Decodable {
    let architecture: String
    let layers, dim, heads, ffnDim, vocabSize, sequence, batch: Int
  }

  struct Tensor: Decodable {
    let name: String
    let shape: [Int]
    let offset: Int
  }

  let configuration: Configuration
  let tokens: [[Int32]]
  let targets: [[Int32]]
  let loss: Double
  /// What a pass makes of the scales on the residuals, in forward order; of Admin alone.
  let profile: [Double]?
  let parameterCount: Int
  let tensors: [Tensor]

  static let folder = GoldenCase.folder.deletingLastPathComponent().appending(path: "placements")

  static let names: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false))) ?? [])
    .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()

  static func load(_ name: String) throws -> (PlacementCase, numbers: [Double]) {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let golden = try decoder.decode(Self.self, from: Data(contentsOf: folder.appending(path: "\(name).json")))
    return (golden, try GoldenCase.numbers(at: folder.appending(path: "\(name).f64")))
  }

  func model(_ architecture: ArchitectureDescription) -> ModelConfiguration {
    ModelConfiguration(
      layerCount: configuration.layers, modelDim: configuration.dim, headCount: configuration.heads,
      ffnDim: configuration.ffnDim, vocabularySize: configuration.vocabSize, architecture: architecture)
  }
}

/// Presets whose equations no library has, against their papers' equations written out in PyTorch.
@Suite struct PlacementTests {
  @Test func thereAreEnough() { #expect(PlacementCase.names.count >= 15) }

  @Test(arguments: PlacementCase.names)
  func doubleGradientsAreAutograds(name: String) throws {
    let (golden, numbers) = try PlacementCase.load(name)
    let description = try #require(ArchitecturePreset.named(golden.configuration.architecture))
    let model = try Model<Double>(
      golden.model(description),
      shape: PassShape(batchSize: golden.configuration.batch, sequenceLength: golden.configuration.sequence),
      team: Team(threadCount: 2))
    let tensors = Dictionary(uniqueKeysWithValues: golden.tensors.map { ($0.name, $0) })
    #expect(Set(tensors.keys) == Set(model.table.parameters.map(\.fullName)))
    for (index, parameter) in model.table.parameters.enumerated() {
      let tensor = try #require(tensors[parameter.fullName])
      #expect(tensor.shape == parameter.spec.shape)
      model.parameter(index).assign(Array(numbers[tensor.offset..<tensor.offset + parameter.spec.count]))
    }
    let count = golden.targets.joined().count
    let loss = model.computeGradients(
      tokens: Array(golden.tokens.joined()), targets: Array(golden.targets.joined()),
      gradientScale: 1 / Double(count))
    #expect(abs(loss / Double(count) - golden.loss) < 1e-12)
    for (index, parameter) in model.table.parameters.enumerated() {
      let tensor = try #require(tensors[parameter.fullName])
      let start = golden.parameterCount + tensor.offset
      let wanted = numbers[start..<start + parameter.spec.count]
      let largest = wanted.map(abs).max() ?? 0
      let worst = zip(model.gradient(index).array(), wanted).map { abs($0 - $1) }.max() ?? 0
      // Sums of some hundred terms of order 1 in another order, and those that cancel.
      #expect(worst <= 1e-10 * largest + 1e-14, "\(parameter.fullName): off by \(worst) of \(largest)")
      #expect((largest < 1e-13) == parameter.spec.hasZeroGradient(sequenceLength: 6), "\(parameter.fullName)")
    }
  }

  @Test func residualsStartByThePassOfPyTorch() throws {
    let (golden, numbers) = try PlacementCase.load("admin")
    let wanted = try #require(golden.profile)
    let model = try Model<Double>(
      golden.model(preset("admin")),
      shape: PassShape(batchSize: golden.configuration.batch, sequenceLength: golden.configuration.sequence),
      team: Team(threadCount: 2))
    let tensors = Dictionary(uniqueKeysWithValues: golden.tensors.map { ($0.name, $0) })
    for (index, parameter) in model.table.parameters.enumerated() {
      let tensor = try #require(tensors[parameter.fullName])
      model.parameter(index).assign(Array(numbers[tensor.offset..<tensor.offset + parameter.spec.count]))
    }
    model.profileResiduals(tokens: Array(golden.tokens.joined()))
    let found = (0..<golden.configuration.layers).flatMap { layer in
      ["w_resid_attention", "w_resid"].map { name -> [Double] in
        model.table.index(layer: layer, name: name).map { model.parameter($0).array() } ?? []
      }
    }
    #expect(found.count == wanted.count)
    for (scales, wanted) in zip(found, wanted) {
      #expect(scales.count == golden.configuration.dim && scales.allSatisfy { abs($0 - wanted) < 1e-12 })
    }
    #expect(wanted.first == 1 && wanted[1] > 1)
  }

  @Test func onlyWhatAwaitsAPassGetsOne() throws {
    let configuration = ModelConfiguration(
      layerCount: 2, modelDim: 16, headCount: 4, ffnDim: 17, vocabularySize: 11,
      architecture: try preset("deepnorm"))
    let model = try Model<Float>(
      configuration, shape: PassShape(batchSize: 1, sequenceLength: 3), team: Team(threadCount: 1))
    model.initialize(seed: 1)
    let before = model.table.parameters.indices.map { model.parameter($0).array() }
    model.profileResiduals(tokens: [1, 2, 3])
    #expect(
      !model.table.needsProfile
        && before == model.table.parameters.indices.map { model.parameter($0).array() })
  }

  // MARK: - What must be the same

  /// Loss and gradients of two architectures that share the names of their tensors, from the same initial values.
  private func losses(
    _ first: ArchitectureDescription, _ second: ArchitectureDescription, layers: Int = 3
  ) throws -> (Double, Double) {
    func loss(_ description: ArchitectureDescription) throws -> Double {
      let configuration = ModelConfiguration(
        layerCount: layers, modelDim: 16, headCount: 4, keyValueHeadCount: 2, ffnDim: 17, vocabularySize: 11,
        architecture: description)
      let model = try Model<Double>(
        configuration, shape: PassShape(batchSize: 2, sequenceLength: 5), team: Team(threadCount: 1))
      model.initialize(seed: 3)
      let tokens: [Int32] = [1, 5, 2, 9, 10, 0, 3, 3, 7, 8]
      return model.computeGradients(tokens: tokens, targets: tokens.reversed(), gradientScale: 0.1)
    }
    return (try loss(first), try loss(second))
  }

  private func parsed(_ block: String) throws -> ArchitectureDescription {
    try ArchitectureDescription(parsing: "architecture: 1\n" + block, name: "test", file: "test.yaml")
  }

  private func preset(_ name: String) throws -> ArchitectureDescription {
    try #require(ArchitecturePreset.named(name))
  }

  @Test func residualTimesOneIsPostLN() throws {
    let one = try parsed(
      "block:\n  - attention: {output-norm: yes, residual-scale: 1}\n  - ffn: {output-norm: yes, residual-scale: 1}\n"
    )
    let (left, right) = try losses(one, preset("post-ln"))
    #expect(left == right)
  }

  @Test func layerNormScalingOfOneLayerIsPreLN() throws {
    let (left, right) = try losses(preset("lns"), preset("pre-ln"), layers: 1)
    #expect(left == right)
    let (deep, plain) = try losses(preset("lns"), preset("pre-ln"), layers: 2)
    #expect(deep != plain)
  }

  @Test func layerScaleOfOnesIsPreLN() throws {
    let ones = try parsed(
      """
      block:
        - attention: {input-norm: yes, branch-scale: {learned: vector, from: 1}}
        - ffn: {input-norm: yes, branch-scale: {learned: vector, from: 1}}
      head: {norm: yes}
      """)
    let (left, right) = try losses(ones, preset("pre-ln"))
    #expect(left == right)
  }

  @Test func reZeroOfOnesIsTheResidualAlone() throws {
    let ones = try parsed(
      "block:\n  - attention: {branch-scale: {learned: scalar, from: 1}}\n  - ffn: {branch-scale: {learned: scalar}}\n"
    )
    let (left, right) = try losses(ones, parsed("block:\n  - attention: {}\n  - ffn: {}\n"))
    #expect(left == right)
  }

  @Test func aWindowAsLongAsTheSequenceIsNone() throws {
    let block =
      "block:\n  - attention: {input-norm: yes, window: WIDTH}\n  - ffn: {input-norm: yes}\nhead: {norm: yes}\n"
    let (left, right) = try losses(parsed(block.replacing("WIDTH", with: "5")), preset("pre-ln"))
    #expect(left == right)
    let (short, whole) = try losses(parsed(block.replacing("WIDTH", with: "2")), preset("pre-ln"))
    #expect(short != whole)
  }

  @Test func aPresetAndTheSameWordsInAFileGiveTheSameBits() throws {
    for name in ArchitecturePreset.names {
      let preset = try preset(name)
      let resolved = try ArchitectureDescription(
        parsing: preset.resolvedText, name: "mine", file: "mine.yaml")
      guard case .learned = preset.embedding.positions else {
        let (left, right) = try losses(preset, resolved)
        #expect(left == right, "\(name)")
        continue
      }
    }
  }
}
