import Architecture
import Kernels
import Transformer

/// AdamW or SGD with its moments for every parameter of a model.
public final class Optimizer<Scalar: KernelScalar> {
  /// The constants.
  public let configuration: OptimizerConfiguration
  /// Updates made so far.
  public private(set) var updateCount = 0

  /// AdamW's first and second moment; SGD's velocity.
  private let moments: [Buffer<Scalar>]
  /// Parameters that lie together and share their decay, as ranges of table indices.
  private let groups: [(parameters: ClosedRange<Int>, weightDecay: Double)]

  /// Allocates the moments, zero.
  public init(_ configuration: OptimizerConfiguration, table: ParameterTable) {
    self.configuration = configuration
    moments = (0..<configuration.method.momentCount).map { _ in Buffer(count: table.elementCount) }
    var groups: [(parameters: ClosedRange<Int>, weightDecay: Double)] = []
    for (index, parameter) in table.parameters.enumerated() {
      let decay = configuration.weightDecay(of: parameter.spec.kind)
      if let last = groups.last, last.weightDecay == decay {
        groups[groups.count - 1].parameters = last.parameters.lowerBound...index
      } else {
        groups.append((index...index, decay))
      }
    }
    self.groups = groups
  }

  /// What is kept of a parameter: with AdamW the running means of its gradient and of the gradient's square, with SGD its
  /// velocity.
  public func moments(_ parameter: Parameter) -> [Row<Scalar>] { moments.map { $0.row(parameter.range) } }

  /// Takes the count of updates over from an earlier optimizer whose ``moments(_:)`` were copied into this one.
  public func resume(afterUpdates count: Int) {
    updateCount = count
  }

  /// Back to the start: no moments, no updates.
  public func reset() {
    updateCount = 0
    for moment in moments { for index in 0..<moment.count { moment.row[index] = 0 } }
  }

  /// Updates every parameter of the model from its gradient times `gradientFactor`.
  ///
  /// - Parameter sums: takes the sums of weights and changes of each parameter, where it is given.
  public func update(
    _ model: Model<Scalar>, learningRate: Double, gradientFactor: Double, sums: UpdateSums? = nil
  ) {
    updateCount += 1
    sums?.clear()
    for group in groups {
      let first = model.table.parameters[group.parameters.lowerBound].range.lowerBound
      let last = model.table.parameters[group.parameters.upperBound].range.upperBound
      let parameters = model.parameter(group.parameters.lowerBound)
        .extended(to: model.parameter(group.parameters.upperBound))
      let gradients = model.gradient(group.parameters.lowerBound)
        .extended(to: model.gradient(group.parameters.upperBound))
      switch configuration.method {
      case .adamW:
        adamW(
          AdamWUpdate(
            learningRate: learningRate, beta1: configuration.beta1, beta2: configuration.beta2,
            epsilon: configuration.epsilon, weightDecay: group.weightDecay, gradientFactor: gradientFactor,
            updateCount: updateCount),
          parameters: parameters, gradients: gradients, firstMoment: moments[0].row(first..<last),
          secondMoment: moments[1].row(first..<last), sums: sums, firstElement: first, team: model.team)
      case .sgd:
        sgd(
          SGDUpdate(
            learningRate: learningRate, momentum: configuration.momentum, weightDecay: group.weightDecay,
            gradientFactor: gradientFactor),
          parameters: parameters, gradients: gradients, velocity: moments[0].row(first..<last),
          sums: sums, firstElement: first, team: model.team)
      }
    }
  }
}
