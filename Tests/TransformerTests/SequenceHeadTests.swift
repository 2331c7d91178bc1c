import Architecture
import GoldenSupport
import Kernels
import Randomness
import RunData
import Testing
import Transformer

/// Models that judge whole sequences of unequal lengths: against PyTorch's autograd, against central differences, and against each sequence alone.
@Suite struct SequenceHeadTests {
  @Test(arguments: FineTuningCase.names)
  func gradientsAreAutograds(name: String) throws {
    let (golden, numbers) = try FineTuningCase.load(name)
    var configuration = golden.configuration.model
    configuration.sequenceHead = SequenceHead(golden.outputs == 1 ? .score : .classes(golden.outputs))
    // Rows that are left over are other sequences.
    let model = try Model<Double>(
      configuration, shape: PassShape(batchSize: 3, sequenceLength: 7), team: Team(threadCount: 2))
    try model.load(golden.tensors, from: numbers)
    let count = Double(golden.batch.count)
    let loss =
      model.computeGradients(golden.sequences, targets: golden.targets, gradientScale: 1 / count) / count
    // Both sides are float64; sums of some hundred terms in another order.
    #expect(abs(loss - golden.losses[0]) <= 1e-13 * golden.losses[0])
    #expect(model.table.elementCount == golden.parameterCount)
    for (index, parameter) in model.table.parameters.enumerated() {
      let tensor = try #require(golden.tensors.first { $0.name == parameter.fullName })
      #expect(tensor.shape == parameter.spec.shape, "\(tensor.name)")
      let start = golden.parameterCount + tensor.offset
      let expected = numbers[start..<start + tensor.count]
      let largest = expected.map(\.magnitude).max() ?? 0
      let worst = zip(model.gradient(index).array(), expected).map { abs($0 - $1) }.max() ?? .infinity
      // 1e-11 of the tensor's largest element, and rounding of terms of order 1 that cancel.
      #expect(worst <= 1e-11 * largest + 1e-14, "\(tensor.name): off by \(worst)")
    }
  }

  static let presets = ["pre-ln", "post-ln", "normformer", "gpt2", "llama", "gemma3", "gpt-neox"]

  private func configuration(
    _ preset: String, _ objective: Objective = .causal, head: SequenceHead.Target = .classes(3),
    dropout: Double = 0
  ) throws -> ModelConfiguration {
    let architecture = try #require(ArchitecturePreset.named(preset))
    var configuration = ModelConfiguration(
      layerCount: 2, modelDim: 16, headCount: 2, ffnDim: 24, vocabularySize: 19, positionCount: 12,
      architecture: architecture, objective: objective, dropout: dropout, attentionDropout: dropout)
    if case .learned = architecture.embedding.positions {} else { configuration.positionCount = 0 }
    configuration.sequenceHead = SequenceHead(head)
    return configuration
  }

  private func model(
    _ configuration: ModelConfiguration, rows: Int = 3, length: Int = 12, hasBackward: Bool = true
  ) throws -> Model<Double> {
    let model = try Model<Double>(
      configuration, shape: PassShape(batchSize: rows, sequenceLength: length), hasBackward: hasBackward,
      team: Team(threadCount: 2))
    model.initialize(seed: 3)
    for (index, parameter) in model.table.parameters.enumerated() {
      let generator = Philox(seed: 4, stream: parameter.fullName)
      let row = model.parameter(index)
      for element in 0..<row.count { row[element] += 0.1 * generator.normal(at: UInt64(element)) }
    }
    return model
  }

  /// 31 tokens.
  private let batch = SequenceBatch(
    tokens: (0..<31).map { Int32($0 * 7 % 19) }, lengths: [5, 12, 1, 9, 4])
  private let targets = SequenceBatch.Targets.classes([2, 0, 1, 1, 0])

  @Test(arguments: presets, [Objective.causal, .masked])
  func packedIsTheSumOfEachAlone(preset: String, objective: Objective) throws {
    // Windows are of causal attention.
    guard preset != "gemma3" || objective == .causal else { return }
    let configuration = try configuration(preset, objective)
    let packed = try model(configuration)
    let loss = packed.computeGradients(batch, targets: targets, gradientScale: 0.2)
    let outputs = packed.outputs(batch)
    var sum = 0.0
    var gradients = packed.table.parameters.map { Array(repeating: 0.0, count: $0.spec.count) }
    var start = 0
    for (place, length) in batch.lengths.enumerated() {
      let alone = try model(configuration, rows: 1, length: length)
      let one = SequenceBatch(tokens: Array(batch.tokens[start..<start + length]), lengths: [length])
      guard case .classes(let classes) = targets else { return }
      sum += alone.computeGradients(one, targets: .classes([classes[place]]), gradientScale: 0.2)
      let own = alone.outputs(one)[0]
      #expect(zip(own, outputs[place]).allSatisfy { abs($0 - $1) < 1e-12 })
      for index in gradients.indices {
        for (element, value) in alone.gradient(index).array().enumerated() {
          gradients[index][element] += value
        }
      }
      start += length
    }
    #expect(abs(sum - loss) < 1e-12)
    for (index, parameter) in packed.table.parameters.enumerated() {
      let worst = zip(packed.gradient(index).array(), gradients[index]).map { abs($0 - $1) }.max() ?? 0
      #expect(worst < 1e-12, "\(parameter.fullName): off by \(worst)")
    }
    // A model without memory for gradients says the same.
    let forward = try model(configuration, hasBackward: false).outputs(batch)
    #expect(zip(forward.joined(), outputs.joined()).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test func whatFillsAPassChangesNothing() throws {
    let configuration = try configuration("gpt2", .masked)
    let exact = try model(configuration, rows: 3)
    let larger = try model(configuration, rows: 9)
    let losses = [exact, larger].map { $0.computeGradients(batch, targets: targets, gradientScale: 0.2) }
    #expect(abs(losses[0] - losses[1]) < 1e-13)
    // Five rows of filling in one, 77 in the other, in sequences of their own.
    for (index, parameter) in exact.table.parameters.enumerated() {
      let worst =
        zip(exact.gradient(index).array(), larger.gradient(index).array()).map { abs($0 - $1) }.max() ?? 0
      #expect(worst < 1e-13, "\(parameter.fullName): off by \(worst)")
    }
  }

  @Test func passesAddUp() throws {
    let whole = try model(configuration("llama"))
    _ = whole.computeGradients(batch, targets: targets, gradientScale: 0.2)
    let parts = try model(configuration("llama"))
    let first = SequenceBatch(tokens: Array(batch.tokens[..<17]), lengths: [5, 12])
    let second = SequenceBatch(tokens: Array(batch.tokens[17...]), lengths: [1, 9, 4])
    _ = parts.computeGradients(first, targets: .classes([2, 0]), gradientScale: 0.2)
    _ = parts.computeGradients(second, targets: .classes([1, 1, 0]), gradientScale: 0.2, accumulating: true)
    for (index, parameter) in whole.table.parameters.enumerated() {
      let worst =
        zip(whole.gradient(index).array(), parts.gradient(index).array()).map { abs($0 - $1) }.max() ?? 0
      #expect(worst < 1e-13, "\(parameter.fullName): off by \(worst)")
    }
  }

  @Test(arguments: ["normformer", "gpt2", "gpt-neox"], [SequenceHead.Target.classes(3), .score])
  func gradientsAreCentralDifferences(preset: String, head: SequenceHead.Target) throws {
    for (objective, dropout) in [(Objective.causal, 0.0), (.masked, 0.2)] {
      let model = try model(configuration(preset, objective, head: head, dropout: dropout))
      let targets: SequenceBatch.Targets = head == .score ? .scores([0.5, 3, 1, 4.5, 2]) : targets
      let key = dropout > 0 ? DropoutKey(seed: 5, step: 3) : nil
      func loss() -> Double {
        0.2 * model.computeGradients(batch, targets: targets, gradientScale: 0.2, dropout: key)
      }
      // Losses are of order 10.
      expectCentralDifferences(of: model, picks: 2, floor: 1e-9, loss: loss)
    }
  }

  @Test func aTiedEmbeddingBelongsToNoHead() throws {
    let table = ParameterTable(try configuration("gpt2"))
    let stem = table.stemIndices.map { table.parameters[$0].fullName }
    #expect(!stem.contains { $0.hasPrefix(StemTensor.head) })
    #expect(stem.suffix(4).allSatisfy { $0.hasPrefix(SequenceHead.prefix) })
    // A row that no sequence reads has no gradient left from what was there before.
    let model = try model(configuration("gpt2"))
    for element in 0..<model.gradient(0).count { model.gradient(0)[element] = 7 }
    let batch = SequenceBatch(tokens: [3, 4], lengths: [2])
    _ = model.computeGradients(batch, targets: .classes([1]), gradientScale: 1)
    #expect(model.gradient(0).array()[5 * 16..<6 * 16].allSatisfy { $0 == 0 })
  }
}
