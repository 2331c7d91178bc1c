import RunData
import Transformer

/// What ends a run before its last step beside numbers that are not finite.
public struct FailureRules: Equatable, Sendable {
  /// An operation's output whose magnitude is above this, or not a number, ends the run; nil tests none.
  public var outputLimit: Double?
  /// A loss that rises again ends the run; nil follows none.
  public var divergence: DivergenceRule?

  /// Creates a set of rules.
  public init(outputLimit: Double? = nil, divergence: DivergenceRule? = nil) {
    self.outputLimit = outputLimit
    self.divergence = divergence
  }

  /// Whether nothing ends the run.
  public var isEmpty: Bool { outputLimit == nil && divergence == nil }
}

/// When a loss counts as diverged: its mean over the last ``window`` steps is more than ``margin`` above the lowest such mean
/// so far, and above ``floor``.
public struct DivergenceRule: Equatable, Sendable {
  /// Steps of a mean.
  public var window: Int
  /// Nats a token.
  public var margin: Double
  /// The corpus's unigram entropy in nats a token: a model below it still knows more than frequencies.
  public var floor: Double

  /// Creates a rule.
  public init(window: Int = 20, margin: Double = 0.5, floor: Double) {
    self.window = window
    self.margin = margin
    self.floor = floor
  }
}

/// Why a run ended before its last step.
public enum TrainingFailure: Equatable, Sendable, CustomStringConvertible {
  /// An operation's output left the range; the first one in the order of the forward pass, and its largest magnitude.
  case overflow(step: Int, place: OperationPlace, maxAbs: Double)
  /// The mean loss of the last steps, and the lowest there was.
  case diverged(step: Int, loss: Double, lowest: Double)
  /// A gradient overflowed, and the loss scale cannot be halved once more.
  case lossScaleExhausted(step: Int, scale: Double)

  /// One sentence.
  public var description: String {
    switch self {
    case .overflow(let step, let place, let maxAbs):
      "step \(step): the output of \(place) overflows (\(maxAbs.isFinite ? "\(Float(maxAbs))" : "not finite"))"
    case .diverged(let step, let loss, let lowest):
      "step \(step): the loss diverged, from \(Float(lowest)) to \(Float(loss)) nats/token"
    case .lossScaleExhausted(let step, let scale):
      "step \(step): a gradient overflowed at the loss scale \(Float(scale)), the least there is"
    }
  }
}

/// Applies ``FailureRules`` step by step.
struct FailureWatch {
  let rules: FailureRules
  private var recent: [Double] = []
  private var lowest = Double.infinity

  init(_ rules: FailureRules) { self.rules = rules }

  /// What has to be known to go on: losses of the last steps, as bit patterns since they may be infinite, and the lowest mean.
  struct State: Codable, Equatable, Sendable {
    var recent: [UInt64]
    var lowest: UInt64
  }

  var state: State {
    get { State(recent: recent.map(\.bitPattern), lowest: lowest.bitPattern) }
    set {
      (recent, lowest) = (newValue.recent.map(Double.init(bitPattern:)), Double(bitPattern: newValue.lowest))
    }
  }

  /// What is wrong with a step; an overflow comes before a divergence.
  ///
  /// - Parameter probe: holds the step's outputs where they are tested.
  mutating func failure(step: Int, loss: Double, probe: ActivationProbe?) -> TrainingFailure? {
    let divergence = divergence(step: step, loss: loss)
    if let limit = rules.outputLimit,
      let first = probe?.firstOutput(where: { !($0.maxAbs <= limit) })
    {
      return .overflow(step: step, place: first.place, maxAbs: first.sums.maxAbs)
    }
    return divergence
  }

  private mutating func divergence(step: Int, loss: Double) -> TrainingFailure? {
    guard let rule = rules.divergence else { return nil }
    recent = recent.suffix(rule.window - 1) + [loss]
    guard recent.count == rule.window else { return nil }
    let mean = recent.reduce(0, +) / Double(rule.window)
    // A mean that is not a number is neither the lowest nor a divergence: the policy on such losses decides.
    lowest = mean < lowest ? mean : lowest
    guard mean > lowest + rule.margin, mean > rule.floor else { return nil }
    return .diverged(step: step, loss: mean, lowest: lowest)
  }
}
