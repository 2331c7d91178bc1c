import Architecture
import Foundation
import GoldenSupport
import Kernels
import RunData
import Testing
import Training
import Transformer

/// Five updates of AdamW or SGD against PyTorch's: `Tests/golden/data/trajectory-*`.
@Suite struct TrajectoryTests {
  struct Trajectory: Decodable {
    struct Recipe: Decodable {
      let peakLearningRate: Double
      let warmup: Int
      let total: Int
      let beta1: Double
      let beta2: Double
      let epsilon: Double
      let weightDecay: Double
      let decayed: String?
      let optimizer: String?
      let momentum: Double?
      let clip: Double
    }

    struct Step: Decodable {
      let tokens: [[Int32]]
      let targets: [[Int32]]
      let learningRate: Double
      let loss: Double
      let gradientL2: Double
      let clipCoefficient: Double
    }

    let name: String
    let configuration: GoldenCase.Configuration
    let recipe: Recipe
    let steps: [Step]
    let parameterCount: Int
    let tensors: [GoldenCase.Tensor]
  }

  @Test(arguments: try GoldenCase.names("trajectories"))
  func updatesAreTorchs(name: String) throws {
    let golden = try GoldenCase.load(name, as: Trajectory.self)
    let numbers = try GoldenCase.numbers(name)
    let model = try Model<Double>(
      golden.configuration.model, shape: golden.configuration.shape, team: Team(threadCount: 2))
    try model.load(golden.tensors, from: numbers)
    let recipe = golden.recipe
    let optimizer = Optimizer<Double>(
      OptimizerConfiguration(
        method: recipe.optimizer.flatMap(OptimizerConfiguration.Method.init) ?? .adamW,
        beta1: recipe.beta1, beta2: recipe.beta2, epsilon: recipe.epsilon, weightDecay: recipe.weightDecay,
        decayed: recipe.decayed.flatMap(OptimizerConfiguration.Decayed.init) ?? .all,
        momentum: recipe.momentum ?? 0),
      table: model.table)
    let schedule = LearningRateSchedule(
      peak: recipe.peakLearningRate, warmupSteps: recipe.warmup, totalSteps: recipe.total)
    for (index, step) in golden.steps.enumerated() {
      let targets = step.targets.flatMap(\.self)
      let counted = Double(targets.count)
      let loss =
        model.computeGradients(
          tokens: step.tokens.flatMap(\.self), targets: targets, gradientScale: 1 / counted)
        / counted
      let l2 = model.table.parameters.indices.reduce(0) { $0 + model.gradientSums($1).sumSquares }
        .squareRoot()
      let coefficient = recipe.clip > 0 ? min(1, recipe.clip / (l2 + 1e-6)) : 1
      let rate = schedule.rate(step: index)
      // Float64 on both sides; AdamW's quotient m / √v amplifies rounding of small gradients from update to update.
      #expect(abs(loss - step.loss) <= 1e-10 * step.loss)
      #expect(abs(l2 - step.gradientL2) <= 1e-10 * step.gradientL2)
      #expect(abs(coefficient - step.clipCoefficient) <= 1e-10)
      #expect(abs(rate - step.learningRate) <= 1e-15)
      optimizer.update(model, learningRate: rate, gradientFactor: coefficient)
    }
    for (index, parameter) in model.table.parameters.enumerated()
    // Zero by construction: AdamW divides rounding noise by itself, so these move by chance.
    where !parameter.spec.hasZeroGradient(sequenceLength: golden.configuration.sequence) {
      let tensor = try #require(golden.tensors.first { $0.name == parameter.fullName })
      let start = golden.parameterCount + tensor.offset
      let worst =
        zip(model.parameter(index).array(), numbers[start..<start + tensor.count])
        .map { abs($0 - $1) }.max() ?? .infinity
      #expect(worst <= 1e-9, "\(tensor.name): off by \(worst)")
    }
  }
}
