import Architecture
import Evaluation
import Kernels
import Randomness
import RunData
import Training
import Transformer

/// What a task's model learns from and is held against, as it reads it.
public struct TaskSequences: Sendable {
  /// What is learned from.
  public let training: [LabelledSequence]
  /// The held-out splits, in the order of ``GlueTask/heldOut``.
  public let heldOut: [[LabelledSequence]]

  /// Creates them.
  /// - Precondition: no split is empty.
  public init(training: [LabelledSequence], heldOut: [[LabelledSequence]]) {
    precondition(!training.isEmpty && !heldOut.isEmpty && heldOut.allSatisfy { !$0.isEmpty })
    (self.training, self.heldOut) = (training, heldOut)
  }

  /// Tokens of the longest sequence.
  public var longest: Int {
    ([training] + heldOut).reduce(1) { longest, split in
      split.reduce(longest) { max($0, $1.tokens.count) }
    }
  }

  /// A shape for passes over batches of so many examples: most batches fit into one.
  public func passShape(batchSize: Int) -> PassShape {
    let mean = Double(training.reduce(0) { $0 + $1.tokens.count }) / Double(training.count)
    let rows = min(Double(Self.mostRows), 1.25 * mean * Double(batchSize))
    let sequences = Int((rows / Double(longest)).rounded(.up))
    return PassShape(batchSize: max(1, min(batchSize, sequences)), sequenceLength: longest)
  }

  /// Rows that keep matrix products at their best rate; more would only take memory.
  private static let mostRows = 4096
}

/// The goal of fine-tuning: the mean loss of a task's examples, each epoch in an order of its own.
public final class TaskLearning<Scalar: KernelScalar>: TrainingGoal {
  private let task: GlueTask
  private let sequences: TaskSequences
  private let batchSize: Int
  private let seed: UInt64
  /// The order of the epoch that is gone through.
  private var epoch = -1
  private var order: [Int] = []

  /// - Parameters:
  ///   - batchSize: examples of a step; the last step of an epoch has those that are left.
  ///   - seed: of the order.
  public init(_ task: GlueTask, _ sequences: TaskSequences, batchSize: Int, seed: UInt64) {
    precondition(batchSize > 0)
    (self.task, self.sequences, self.batchSize, self.seed) = (task, sequences, batchSize, seed)
  }

  /// Steps that go through all examples once.
  public static func stepsPerEpoch(examples: Int, batchSize: Int) -> Int {
    (examples + batchSize - 1) / batchSize
  }

  /// The examples of a step, by their places.
  func batch(step: Int) -> ArraySlice<Int> {
    let count = sequences.training.count
    let steps = Self.stepsPerEpoch(examples: count, batchSize: batchSize)
    if step / steps != epoch { shuffle(step / steps) }
    let start = step % steps * batchSize
    return order[start..<min(count, start + batchSize)]
  }

  /// Fisher and Yates.
  private func shuffle(_ epoch: Int) {
    self.epoch = epoch
    order = Array(sequences.training.indices)
    let generator = Philox(seed: seed, stream: "examples.order")
    for place in stride(from: order.count - 1, to: 0, by: -1) {
      order.swapAt(place, generator.integer(below: place + 1, at: UInt64(epoch) << 32 | UInt64(place)))
    }
  }

  /// The examples of a step.
  public func lossCount(step: Int) -> Int { batch(step: step).count }

  /// Leaves the gradient of `gradientScale * Σ loss` over a step's examples, in as many passes as their tokens take.
  public func computeGradients(
    of model: Model<Scalar>, step: Int, gradientScale: Double, seed: UInt64, measures: StepMeasures
  ) throws -> Double {
    let examples = batch(step: step).map { sequences.training[$0] }
    var sum = 0.0
    for (number, pass) in passes(examples, model).enumerated() {
      sum += model.computeGradients(
        pass.batch, targets: SequenceBatch.Targets(pass.answers), gradientScale: gradientScale,
        accumulating: number > 0, dropout: DropoutKey(seed: seed, step: step * batchSize + number),
        probe: measures.probe, clock: measures.clock)
    }
    return sum
  }

  /// Does nothing: a checkpoint has every value.
  public func profile(_ model: Model<Scalar>) throws {}

  /// The loss and the task's metrics on the held-out examples.
  public func validate(_ model: Model<Scalar>, updates: Int) throws -> ValidationRecord? {
    let scores = sequences.heldOut.map { self.scores($0, model) }
    return ValidationRecord(
      step: updates, loss: scores[0].loss,
      metrics: task.metrics.map { metric in
        metric == .mismatchedAccuracy
          ? scores[1].metrics[.accuracy] ?? .nan : scores[0].metrics[metric] ?? .nan
      })
  }

  /// How a model answers some examples.
  public func scores(_ examples: [LabelledSequence], _ model: Model<Scalar>) -> AnswerScores {
    var outputs: [[Double]] = Array(repeating: [], count: examples.count)
    for pass in passes(examples, model) {
      for (place, output) in zip(pass.places, model.outputs(pass.batch)) { outputs[place] = output }
    }
    return AnswerScores(outputs: outputs, answers: examples.map(\.answer))
  }

  private struct ExamplePass {
    let places: [Int]
    let batch: SequenceBatch
    let answers: [Answer]
  }

  /// Examples in as many passes as their tokens take.
  private func passes(_ examples: [LabelledSequence], _ model: Model<Scalar>) -> [ExamplePass] {
    Packing(lengths: examples.map(\.tokens.count), rows: model.shape.rows).passes.map { places in
      ExamplePass(
        places: places,
        batch: SequenceBatch(
          tokens: places.flatMap { examples[$0].tokens }, lengths: places.map { examples[$0].tokens.count }),
        answers: places.map { examples[$0].answer })
    }
  }
}

extension SequenceBatch.Targets {
  /// The targets of answers, which are all of one kind.
  init(_ answers: [Answer]) {
    let scores = answers.compactMap { answer -> Double? in
      if case .score(let score) = answer { score } else { nil }
    }
    self =
      scores.isEmpty
      ? .classes(
        answers.map { answer in
          if case .classNumber(let number) = answer { Int32(number) } else { 0 }
        }) : .scores(scores)
  }
}

extension GlueTask {
  /// The head that a model gets for the task.
  public var head: SequenceHead { SequenceHead(classes.map { .classes($0.count) } ?? .score) }
}
