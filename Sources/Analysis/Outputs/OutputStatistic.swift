import RunData

/// One number that tells the size of an operation's output.
public enum OutputStatistic: String, Sendable, CaseIterable {
  /// √(Σx²/n).
  case rms
  /// Σ|x|/n.
  case mean
  /// max|x| over the window.
  case max
  /// n Σx⁴ / (Σx²)², not centred: 3 where x is normal about zero, n where one element holds everything.
  case kurtosis
  /// max|x| over the mean of |x|: in the thousands where activations are massive (Sun et al. 2024, arXiv 2402.17762).
  case maxOverMean = "max/mean"
  /// RMS over that of the residual stream that enters the layer.
  case rmsOverStream = "rms/stream"

  /// What it is called in a table's title.
  public var title: String {
    switch self {
    case .rms: "RMS"
    case .mean: "mean |x|"
    case .max: "max |x|"
    case .kurtosis: "kurtosis"
    case .maxOverMean: "max |x| / mean |x|"
    case .rmsOverStream: "RMS / RMS of the layer's input"
    }
  }

  /// How it is made, for a table's foot.
  var definition: String {
    switch self {
    case .rms: "RMS: √(Σx²/n) of an operation's output, the sums' means over the window's recorded steps."
    case .mean: "mean |x|: Σ|x|/n of an operation's output over the window's recorded steps."
    case .max: "max |x|: the largest element of an operation's output at any of the window's recorded steps."
    case .kurtosis:
      "kurtosis: n Σx⁴ / (Σx²)² of an operation's output, not centred: 3 of a normal one about zero, n where one element holds everything."
    case .maxOverMean:
      "max |x| / mean |x|: activations are called massive above 100 that are some 1,000 times the median (Sun et al. 2024, arXiv"
        + " 2402.17762); here it is the mean."
    case .rmsOverStream:
      "RMS of an operation's output over the RMS of the residual stream that enters its layer (`input`)."
    }
  }

  /// The statistic of an output.
  /// - Parameter input: the stream that enters the output's layer.
  func value(of output: OutputSummary.Output, input: OutputSummary.Output?) -> Double {
    guard output.count > 0 else { return .nan }
    switch self {
    case .rms: return output.rms
    case .mean: return output.l1 / output.count
    case .max: return output.maxAbs
    case .kurtosis: return output.count * output.fourthPowers / (output.sumSquares * output.sumSquares)
    case .maxOverMean: return output.maxAbs * output.count / output.l1
    case .rmsOverStream: return input.map { output.rms / $0.rms } ?? .nan
    }
  }
}
