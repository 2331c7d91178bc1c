import Architecture
import Corpus
import Foundation
import Kernels
import RunData
import Testing
import Training
import Transformer

/// What destabilised training is called, and where it is said to have begun.
@Suite struct FailureTests {
  private struct Result {
    var records: [StepRecord] = []
    var end: TrainingEnd = .finished
    var parameters: [Float] = []
  }

  private func configuration(_ placement: NormPlacement = .preLN, precision: Precision = .fp32)
    -> ModelConfiguration
  {
    ModelConfiguration(
      layerCount: 3, modelDim: 20, headCount: 2, vocabularySize: 32, placement: placement,
      additions: placement == .preLN ? .normFormer : .none, precision: precision)
  }

  private func train(
    _ configuration: ModelConfiguration, rules: FailureRules = FailureRules(),
    scaling: LossScaling? = nil, schedule: LearningRateSchedule = .ramp(slope: 1e-4), every: Int = 1,
    steps: Int = 12, microBatches: Int = 1, activations: Bool = true,
    prepare: (Model<Float>) throws -> Void = { _ in }
  ) throws -> Result {
    let batch = BatchShape(batchSize: 4 / microBatches, sequenceLength: 12, microBatchesPerStep: microBatches)
    let model = try Model<Float>(
      configuration, shape: PassShape(batchSize: batch.batchSize, sequenceLength: batch.sequenceLength),
      team: Team(threadCount: 2))
    model.initialize(seed: 3)
    try prepare(model)
    let trainer = try Trainer(
      model: model, corpus: CorpusSplit(CorpusRequest(text: .builtIn(vocabularySize: 32, seed: 1))),
      configuration: TrainingConfiguration(
        stepCount: steps, batch: batch, seed: 3, schedule: schedule,
        recording: RecordingConfiguration(schedule: .every(every), activations: activations),
        lossScaling: scaling, failure: rules))
    var result = Result()
    result.end = try trainer.run { if case .recorded(let record) = $0 { result.records.append(record) } }
    result.parameters = model.table.parameters.indices.flatMap { model.parameter($0).array() }
    return result
  }

  private func multiply(_ name: String, by factor: Float) -> (Model<Float>) throws -> Void {
    { model in
      let index = try #require(model.table.parameters.firstIndex { $0.fullName == name })
      let row = model.parameter(index)
      for element in 0..<row.count { row[element] *= factor }
    }
  }

  private func place(_ end: TrainingEnd) -> String {
    if case .failed(.overflow(_, let place, _)) = end { return place.description }
    return "\(end)"
  }

  // MARK: - Overflow

  /// A weight that is 10⁷ times as large makes its operation the first whose output leaves the range.
  @Test(arguments: [
    ("decoder.layers.1.fc1.weight", "decoder.layers.1.fc1"),
    ("decoder.layers.2.self_attn.k_proj.weight", "decoder.layers.2.self_attn.k_proj"),
    ("decoder.layers.0.self_attn.out_proj.weight", "decoder.layers.0.self_attn.out_proj"),
    ("decoder.layer_norm.weight", "decoder.layer_norm"),
    ("decoder.embed_tokens.weight", "decoder.layers.0.input"),
  ])
  func theFirstOperationIsNamed(weight: String, operation: String) throws {
    for precision in Precision.allCases where precision != .bf16 {
      let result = try train(
        configuration(precision: precision), rules: FailureRules(outputLimit: precision.outputLimit),
        scaling: precision == .fp16 ? LossScaling() : nil, prepare: multiply(weight, by: 1e7))
      #expect(place(result.end) == operation, "\(precision)")
      #expect(result.records.map(\.step) == [0])
    }
  }

  /// Each of q and k 300 times as large is in range, their products are not: the paper's failure of the baseline.
  @Test func logitsOfAttentionAreNamed() throws {
    let result = try train(configuration(), rules: FailureRules(outputLimit: 65504)) { model in
      for name in ["q", "k"] {
        try multiply("decoder.layers.1.self_attn.\(name)_proj.weight", by: 600)(model)
      }
    }
    #expect(place(result.end) == "decoder.layers.1.self_attn.logits")
  }

  /// Post-LN has no norm before the head: gains there reach the logits over the vocabulary alone.
  @Test func theHeadIsNamed() throws {
    let result = try train(configuration(.postLN), rules: FailureRules(outputLimit: 65504)) { model in
      try multiply("decoder.embed_tokens.weight", by: 10)(model)
      try multiply("decoder.layers.2.final_layer_norm.weight", by: 3000)(model)
    }
    #expect(place(result.end) == "decoder.output_projection")
    let outputs = try #require(result.records.last?.stemActivations)
    #expect(outputs.count == 1 && outputs.maxAbs[0] > 65504)
  }

  @Test func aStepThatEndsTheRunIsRecordedWhateverTheSchedule() throws {
    // A rate that is far too high, so that outputs leave the range within steps.
    let result = try train(
      configuration(.postLN), rules: FailureRules(outputLimit: 100), schedule: .ramp(slope: 0.5), every: 50,
      steps: 50)
    guard case .failed(.overflow(let step, _, _)) = result.end else {
      Issue.record("ended with \(result.end)")
      return
    }
    #expect(step > 0 && result.records.map(\.step) == [0, step])
  }

  @Test func testingOutputsChangesNothing() throws {
    let rules = FailureRules(outputLimit: 65504, divergence: DivergenceRule(floor: 3))
    let tested = try train(configuration(), rules: rules)
    let plain = try train(configuration(), activations: false)
    #expect(tested.end == .finished)
    #expect(tested.records.map(\.loss) == plain.records.map(\.loss))
    #expect(tested.records.map(\.gradients) == plain.records.map(\.gradients))
    #expect(tested.parameters == plain.parameters)
  }

  // MARK: - Divergence

  @Test func aLossThatRisesAgainHasDiverged() throws {
    let rule = DivergenceRule(window: 5, margin: 0.5, floor: 0)
    let result = try train(
      configuration(.postLN), rules: FailureRules(divergence: rule), schedule: .ramp(slope: 2e-2), steps: 300)
    guard case .failed(.diverged(let step, let loss, let lowest)) = result.end else {
      Issue.record("ended with \(result.end)")
      return
    }
    let losses = result.records.map(\.loss)
    #expect(losses.count == step + 1)
    let means = (4..<losses.count).map { losses[$0 - 4...$0].reduce(0, +) / 5 }
    #expect(abs(means[means.count - 1] - loss) <= 1e-12 && abs((means.min() ?? 0) - lowest) <= 1e-12)
    // Not a step earlier.
    for (index, mean) in means.enumerated() {
      let isDiverged = mean > (means[...index].min() ?? 0) + 0.5
      #expect(isDiverged == (index == means.count - 1))
    }
    // What is above the lowest mean but below the floor is none.
    let high = DivergenceRule(window: 5, margin: 0.5, floor: 1e9)
    let other = try train(
      configuration(.postLN), rules: FailureRules(divergence: high), schedule: .ramp(slope: 2e-2),
      steps: step + 1)
    #expect(other.end == .finished)
  }

  @Test func aRampRisesAtEveryUpdate() {
    let schedule = LearningRateSchedule.ramp(slope: 5e-5)
    // The paper's Table 4: 400 updates reach 0.02.
    #expect(schedule.rate(step: 0) == 5e-5 && schedule.rate(step: 399) == 5e-5 * 400)
  }

  // MARK: - 16 bits

  /// The scale is a power of two, so it changes no digit of a gradient that has room: the unscaled loss's is recorded.
  @Test(arguments: [1, 2])
  func gradientsAreRecordedWithoutTheScale(microBatches: Int) throws {
    let plain = try train(configuration(), steps: 1, microBatches: microBatches).records[0]
    for scale in [1.0, 64] {
      let record = try train(
        configuration(precision: .fp16), scaling: LossScaling(initialScale: scale), steps: 1,
        microBatches: microBatches
      ).records[0]
      #expect(record.lossScale == scale)
      #expect(abs(record.loss - plain.loss) <= 5e-3 * plain.loss)
      #expect(abs(record.gradientL2 - plain.gradientL2) <= 0.02 * plain.gradientL2)
      let pairs = [
        (record.activationGradients, plain.activationGradients),
        (record.stemActivationGradients, plain.stemActivationGradients),
      ]
      for case (let found?, let expected?) in pairs {
        for (one, other) in zip(found.l1, expected.l1) where other > 1e-3 {
          #expect(abs(one - other) <= 0.1 * other)
        }
      }
    }
  }

  /// Every number that is left in the model after a pass is one of the format.
  @Test(arguments: [Precision.bf16, .fp16])
  func whatIsRecordedIsOfTheFormat(precision: Precision) throws {
    let record = try train(configuration(precision: precision), steps: 1).records[0]
    func isKept(_ x: Double) -> Bool {
      Double(Float.rounded(SIMD16(repeating: Float(x)), to: precision)[0]) == x
    }
    let sums = [record.activations, record.stemActivations, record.activationGradients].compactMap(\.self)
    #expect(sums.allSatisfy { $0.maxAbs.allSatisfy { isKept($0) } })
    #expect((record.gradients.maxAbs + record.stemGradients.maxAbs).allSatisfy { isKept($0) })
    let plain = try train(configuration(), steps: 1).records[0]
    #expect(record.loss != plain.loss && abs(record.loss - plain.loss) <= 0.05 * plain.loss)
  }

  @Test func anOverflowOfAGradientSkipsTheUpdate() throws {
    // 2³⁰ times the sum over tokens is too much for fp16, what is left after some halvings is not.
    let result = try train(
      configuration(precision: .fp16), scaling: LossScaling(initialScale: 0x1p30), steps: 40)
    #expect(result.end == .finished)
    let skipped = result.records.prefix { !$0.gradientL2.isFinite }
    #expect(skipped.count > 5 && skipped.count < 35)
    // The same weights and the same rate until the first update.
    #expect(Set(skipped.map(\.learningRate)) == [1e-4])
    #expect(skipped.map(\.lossScale) == skipped.indices.map { 0x1p30 / Double(1 << $0) })
    // A rate belongs to an update, so it stays as it is while updates are left out.
    var updates = 0.0
    for record in result.records {
      #expect(record.learningRate == 1e-4 * (updates + 1))
      if record.gradientL2.isFinite { updates += 1 }
    }
    #expect(updates > 5)
  }

  @Test(arguments: [9, 30])
  func aRunGoesOnWithTheLossScaleAndTheLossesThatItKnew(steps: Int) throws {
    let configuration = configuration(precision: .fp16)
    let rules = FailureRules(divergence: DivergenceRule(window: 4, margin: 1, floor: 0))
    let training = TrainingConfiguration(
      stepCount: 40, batch: BatchShape(batchSize: 4, sequenceLength: 12), seed: 3,
      schedule: .ramp(slope: 1e-3), lossScaling: LossScaling(initialScale: 0x1p20, window: 8), failure: rules)
    func trainer() throws -> Trainer<Float> {
      let model = try Model<Float>(
        configuration, shape: PassShape(batchSize: 4, sequenceLength: 12), team: Team(threadCount: 1))
      model.initialize(seed: 3)
      return try Trainer(
        model: model, corpus: CorpusSplit(CorpusRequest(text: .builtIn(vocabularySize: 32, seed: 1))),
        configuration: training)
    }
    func records(_ trainer: Trainer<Float>, from first: Int = 0, to last: Int = 40) throws -> [StepRecord] {
      var records: [StepRecord] = []
      _ = try trainer.run(from: first, shouldStop: { records.count + first >= last }) {
        if case .recorded(let record) = $0 { records.append(record) }
      }
      return records
    }
    let whole = try records(trainer())
    let first = try trainer()
    _ = try records(first, to: steps)
    let later = try trainer()
    for (index, parameter) in first.model.table.parameters.enumerated() {
      later.model.parameter(index).assign(first.model.parameter(index).array())
      for (to, from) in zip(later.optimizer.moments(parameter), first.optimizer.moments(parameter)) {
        to.assign(from.array())
      }
    }
    later.optimizer.resume(afterUpdates: first.optimizer.updateCount)
    later.state = try JSONDecoder().decode(TrainerState.self, from: JSONEncoder().encode(first.state))
    let rest = try records(later, from: steps)
    #expect(rest.map(\.loss) == whole.dropFirst(steps).map(\.loss) && !rest.isEmpty)
    #expect(rest.map(\.lossScale) == whole.dropFirst(steps).map(\.lossScale))
    #expect(rest.map(\.learningRate) == whole.dropFirst(steps).map(\.learningRate))
    #expect(
      later.state
        == (try {
          let t = try trainer(); _ = try records(t); return t.state
        }()))
  }

  @Test func overflowsWithoutEndExhaustTheLossScale() throws {
    let result = try train(
      configuration(precision: .fp16), scaling: LossScaling(initialScale: 1), steps: 100,
      prepare: multiply("decoder.layers.1.fc1.weight", by: 1e7))
    // 2⁻¹³ is the last above 1e-4: overflows at 1, 1/2, ... 2⁻¹³.
    #expect(result.end == .failed(.lossScaleExhausted(step: 13, scale: 0x1p-13)))
    #expect(result.records.count == 14)
  }
}
