import RunData

extension GradientStatistic {
  /// What figures and tables call it.
  var title: String {
    switch self {
    case .l1: return "L1 norm"
    case .l2: return "L2 norm"
    case .rms: return "root mean square"
    case .mean: return "mean magnitude"
    }
  }
}
