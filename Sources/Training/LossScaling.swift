/// The constants of dynamic loss scaling, as in fairseq's `DynamicLossScaler` (`fairseq/optim/dynamic_loss_scaler.py`).
public struct LossScaling: Equatable, Sendable {
  /// The first scale. fairseq's default is 2⁷; the recipe of the paper's code has 4.
  public var initialScale: Double
  /// Updates without an overflow after which the scale doubles; fairseq's default is 2¹⁴ over workers and accumulation.
  public var window: Int
  /// A scale that would fall to this or below ends training.
  public var leastScale: Double

  /// Creates a set of constants.
  public init(initialScale: Double = 128, window: Int = 256, leastScale: Double = 1e-4) {
    self.initialScale = initialScale
    self.window = window
    self.leastScale = leastScale
  }
}

/// The loss scale over the steps: halved when a gradient overflows, doubled when none has for a window of updates.
public struct LossScaler: Equatable, Sendable {
  /// The constants.
  public let scaling: LossScaling
  /// The factor on the loss of the next step.
  public private(set) var scale: Double
  /// Steps whose update was left out because a gradient was not finite.
  public private(set) var skippedSteps = 0
  /// Updates since the last overflow.
  private var updatesInARow = 0

  /// The scale before the first step.
  public init(_ scaling: LossScaling) {
    self.scaling = scaling
    scale = scaling.initialScale
  }

  /// What has to be known to go on: the scale, steps skipped, and updates since the last overflow.
  struct State: Codable, Equatable, Sendable {
    var scale: Double
    var skippedSteps: Int
    var updatesInARow: Int
  }

  var state: State {
    get { State(scale: scale, skippedSteps: skippedSteps, updatesInARow: updatesInARow) }
    set {
      (scale, skippedSteps, updatesInARow) = (newValue.scale, newValue.skippedSteps, newValue.updatesInARow)
    }
  }

  /// Notes a step whose gradients are finite: its update is made.
  public mutating func noteUpdate() {
    updatesInARow += 1
    if updatesInARow % scaling.window == 0 { scale *= 2 }
  }

  /// Notes a step with a gradient that is not finite: its update is left out.
  ///
  /// - Returns: whether the scale would fall to the least, and training is over; the scale stays then.
  public mutating func noteOverflow() -> Bool {
    skippedSteps += 1
    updatesInARow = 0
    guard scale / 2 > scaling.leastScale else { return true }
    scale /= 2
    return false
  }
}
