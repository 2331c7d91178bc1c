import RunData

extension GradientStatistic {
  /// What figures and tables call it.
  var title: String {
    switch self {
    case .l1: return "L1 norm"
    case .l2: return "L2 norm"
    case .rms: return "root mean square"
    case .mean: return "mean magnitude"
    case .weightRMS: return "RMS of the weights"
    case .updateRMS: return "RMS of the update"
    case .updateOverWeight: return "RMS of the update over RMS of the weights"
    }
  }

  /// The title with what it is of: `L1 norm of the fc2.weight gradient`.
  func title(of operation: String) -> String {
    isOfGradient ? "\(title) of the \(operation) gradient" : "\(title), \(operation)"
  }

  /// What a mean runs over: `the gradient of fc2.weight`.
  func subject(_ operation: String) -> String {
    switch subject {
    case .gradient: "the gradient of \(operation)"
    case .weights: "\(operation) after each update"
    case .update: "what each update changed of \(operation): decay, clipping and learning rate included"
    case .updateOverWeights: "each update of \(operation) over its weights"
    }
  }
}
