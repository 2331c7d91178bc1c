import Analysis
import ArgumentParser
import RunData

/// What `grads` shows: a statistic that every step has, or one of what gradients tell of noise.
enum ShownStatistic: ExpressibleByArgument, Equatable {
  case ofTensors(GradientStatistic)
  case ofNoise(NoiseQuantity)

  init?(argument: String) {
    if let statistic = GradientStatistic(rawValue: argument) {
      self = .ofTensors(statistic)
    } else if let quantity = NoiseQuantity(rawValue: argument) {
      self = .ofNoise(quantity)
    } else {
      return nil
    }
  }

  /// Of every step; the gradient's L1 norm where noise is shown.
  var ofTensors: GradientStatistic { if case .ofTensors(let statistic) = self { statistic } else { .l1 } }

  /// Of noise; nil where a statistic of every step is shown.
  var ofNoise: NoiseQuantity? { if case .ofNoise(let quantity) = self { quantity } else { nil } }

  static var allValueStrings: [String] {
    GradientStatistic.allCases.map(\.rawValue) + NoiseQuantity.allCases.map(\.rawValue)
  }

  var defaultValueDescription: String {
    switch self {
    case .ofTensors(let statistic): statistic.rawValue
    case .ofNoise(let quantity): quantity.rawValue
    }
  }
}
