import Analysis
import ArgumentParser
import RunData

/// What `grads` shows: a statistic that every step has, or one of what gradients tell of noise.
package enum ShownStatistic: ExpressibleByArgument, Equatable {
  case ofTensors(GradientStatistic)
  case ofNoise(NoiseQuantity)

  package init?(argument: String) {
    if let statistic = GradientStatistic(rawValue: argument) {
      self = .ofTensors(statistic)
    } else if let quantity = NoiseQuantity(rawValue: argument) {
      self = .ofNoise(quantity)
    } else {
      return nil
    }
  }

  /// Of every step; the gradient's L1 norm where noise is shown.
  package var ofTensors: GradientStatistic {
    if case .ofTensors(let statistic) = self { statistic } else { .l1 }
  }

  /// Of noise; nil where a statistic of every step is shown.
  package var ofNoise: NoiseQuantity? { if case .ofNoise(let quantity) = self { quantity } else { nil } }

  package static var allValueStrings: [String] {
    GradientStatistic.allCases.map(\.rawValue) + NoiseQuantity.allCases.map(\.rawValue)
  }

  package var defaultValueDescription: String {
    switch self {
    case .ofTensors(let statistic): statistic.rawValue
    case .ofNoise(let quantity): quantity.rawValue
    }
  }
}
