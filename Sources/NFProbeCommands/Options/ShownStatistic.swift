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
