import Architecture
import Corpus
@testable import FineTuning
import GoldenSupport
import Kernels
import RunData
import Testing
import Training
import Transformer

/// The training loop on a task's examples.
@Suite struct TaskLearningTests {
  private func trainer<Scalar: KernelScalar>(
    _ golden: FineTuningCase, _ numbers: [Double], as _: Scalar.Type
  ) throws -> Trainer<Scalar> {
    var configuration = golden.configuration.model
    configuration.sequenceHead = SequenceHead(golden.outputs == 1 ? .score : .classes(golden.outputs))
    let model = try Model<Scalar>(
      configuration, shape: PassShape(batchSize: 2, sequenceLength: 7), team: Team(threadCount: 2))
    try model.load(golden.tensors, from: numbers)
    let examples = zip(golden.batch, golden.labels).map { tokens, label in
      LabelledSequence(
        tokens: tokens, answer: golden.outputs == 1 ? .score(label) : .classNumber(Int(label)))
    }
    // All examples are one batch, in two passes: their order does not matter.
    let goal = TaskLearning<Scalar>(
      golden.outputs == 1 ? .stsb : .mnli,
      TaskSequences(training: examples, heldOut: golden.outputs == 1 ? [examples] : [examples, examples]),
      batchSize: examples.count, seed: 5)
    let recipe = golden.recipe
    return Trainer(
      model: model, goal: goal,
      configuration: TrainingConfiguration(
        stepCount: recipe.updates,
        batch: BatchShape(batchSize: 2, sequenceLength: 7),
        schedule: LearningRateSchedule(
          peak: recipe.peakLearningRate, warmupSteps: recipe.warmup, totalSteps: recipe.updates),
        optimizer: OptimizerConfiguration(
          beta1: recipe.beta1, beta2: recipe.beta2, epsilon: recipe.epsilon,
          weightDecay: recipe.weightDecay)))
  }

  private func largestDifference<Scalar: KernelScalar>(
    _ trainer: Trainer<Scalar>, _ golden: FineTuningCase, _ numbers: [Double], tolerance: Double,
    lossTolerance: Double
  ) throws {
    var losses: [Double] = []
    let end = try trainer.run { event in
      if case .recorded(let record) = event {
        losses.append(record.loss)
        #expect(record.tokens == golden.batch.count)
      }
    }
    #expect(end == .finished && losses.count == golden.losses.count)
    for (loss, expected) in zip(losses, golden.losses) {
      #expect(abs(loss - expected) <= lossTolerance * max(1, expected))
    }
    for (index, parameter) in trainer.model.table.parameters.enumerated()
    // Zero by construction: AdamW divides rounding noise by itself, so these move by chance.
    where !parameter.spec.hasZeroGradient(sequenceLength: 7) {
      let tensor = try #require(golden.tensors.first { $0.name == parameter.fullName })
      let start = 2 * golden.parameterCount + tensor.offset
      let worst =
        zip(trainer.model.parameter(index).array(), numbers[start..<start + tensor.count])
        .map { abs(Double($0) - $1) }.max() ?? .infinity
      #expect(worst <= tolerance, "\(tensor.name): off by \(worst)")
    }
  }

  @Test(arguments: FineTuningCase.names)
  func twentyUpdatesAreTorchs(name: String) throws {
    let (golden, numbers) = try FineTuningCase.load(name)
    // Float64 on both sides; AdamW's quotient m / √v amplifies rounding of small gradients from update to update.
    try largestDifference(
      trainer(golden, numbers, as: Double.self), golden, numbers, tolerance: 1e-8, lossTolerance: 1e-9)
  }

  @Test(arguments: FineTuningCase.names)
  func twentyUpdatesInFloat32AreNear(name: String) throws {
    let (golden, numbers) = try FineTuningCase.load(name)
    // Updates of 0.01 at most, whose direction depends on gradients known to some 1e-5 of themselves: twenty of them add up to 1e-4 where
    // a gradient passes near zero.
    try largestDifference(
      trainer(golden, numbers, as: Float.self), golden, numbers, tolerance: 5e-4, lossTolerance: 1e-4)
  }

  @Test func everyEpochHasEveryExampleOnce() {
    let examples = (0..<10).map { LabelledSequence(tokens: [Int32($0)], answer: .classNumber(0)) }
    func epochs(seed: UInt64) -> [[Int]] {
      let goal = TaskLearning<Float>(
        .sst2, TaskSequences(training: examples, heldOut: [examples]), batchSize: 4, seed: seed)
      return (0..<3).map { epoch in (0..<3).flatMap { goal.batch(step: 3 * epoch + $0) } }
    }
    let found = epochs(seed: 1)
    #expect(found.allSatisfy { $0.sorted() == Array(0..<10) })
    #expect(Set(found).count == 3 && found != epochs(seed: 2) && found == epochs(seed: 1))
    let goal = TaskLearning<Float>(
      .sst2, TaskSequences(training: examples, heldOut: [examples]), batchSize: 4, seed: 1)
    #expect((0..<6).map { goal.lossCount(step: $0) } == [4, 4, 2, 4, 4, 2])
    // A run that goes on sees what an uninterrupted one would have.
    #expect(Array(goal.batch(step: 4)) == Array(found[1][4..<8]))
    #expect(TaskLearning<Float>.stepsPerEpoch(examples: 10, batchSize: 4) == 3)
  }

  @Test func passesHoldTheLongestSequence() {
    func shape(_ lengths: [Int], batch: Int) -> PassShape {
      let examples = lengths.map {
        LabelledSequence(tokens: Array(repeating: 1, count: $0), answer: .classNumber(0))
      }
      return TaskSequences(training: examples, heldOut: [examples]).passShape(batchSize: batch)
    }
    #expect(shape([10, 10], batch: 4) == PassShape(batchSize: 4, sequenceLength: 10))
    #expect(shape([1, 1, 1, 97], batch: 4) == PassShape(batchSize: 2, sequenceLength: 97))
    #expect(shape(Array(repeating: 512, count: 9), batch: 64) == PassShape(batchSize: 8, sequenceLength: 512))
  }

  @Test func metricsAreOfTheTask() throws {
    let (golden, numbers) = try FineTuningCase.load("causal-score")
    let trainer = try trainer(golden, numbers, as: Double.self)
    var records: [ValidationRecord] = []
    _ = try trainer.run { if case .validated(let record) = $0 { records.append(record) } }
    #expect(records.map(\.step) == [20] && records[0].metrics.count == 2)
    #expect(records[0].metrics.allSatisfy { (-1...1).contains($0) })
    // The loss after the last update is that of the step that would follow.
    let errors = zip(golden.batch, golden.labels).map { tokens, label in
      trainer.model.outputs(SequenceBatch(tokens: tokens, lengths: [tokens.count]))[0][0] - label
    }
    let mean = errors.reduce(0) { $0 + $1 * $1 } / 4
    #expect(abs(records[0].loss - mean) < 1e-12)
  }
}
