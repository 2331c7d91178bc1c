import Architecture
import RunData

/// How far one run got while its learning rate rose, and what became of it.
public struct StabilityOutcome: Sendable {
  /// How a run ended.
  public enum Ending: String, Sendable, CaseIterable {
    /// An operation's output left the range of its format.
    case overflow
    /// A gradient overflowed at the least loss scale: the end that training in fp16 really has.
    case lossScaleExhausted = "loss scale exhausted"
    /// The loss rose again for good.
    case diverged
    /// Loss or gradient became infinite or not a number.
    case nonfinite = "not finite"
    /// None: all steps were made.
    case survived = "did not fail"
    /// It was stopped.
    case interrupted
    /// It goes on still, or was killed.
    case unfinished
    /// An error of the program or the machine.
    case error

    /// Whether training destabilised; else the peak rate is a lower bound.
    public var isFailure: Bool {
      switch self {
      case .overflow, .lossScaleExhausted, .diverged, .nonfinite: true
      case .survived, .interrupted, .unfinished, .error: false
      }
    }
  }

  /// The largest output of a run, and where it was.
  public struct LargestOutput: Equatable, Sendable {
    /// The operation.
    public var place: OperationPlace
    /// max |x|.
    public var maxAbs: Double
  }

  /// What was known before the first step.
  public let manifest: RunManifest
  /// How it ended.
  public let ending: Ending
  /// Updates that were made.
  public let updates: Int
  /// The rate of the last update that was made: slope times ``updates``.
  public let peakRate: Double
  /// The first operation whose output left the range, in the order of steps and of the forward pass.
  public let failed: OperationPlace?
  /// Updates before that.
  public let failedAfter: Int?
  /// The largest output of the last recorded step.
  public let largest: LargestOutput?
  /// The rates of the recorded steps' updates.
  public let rates: [Double]
  /// Their losses, nats a token.
  public let losses: [Double]

  /// The mean loss of the last recorded steps, nats a token.
  public var lastLoss: Double {
    let last = losses.suffix(Self.lastSteps)
    return last.reduce(0, +) / Double(last.count)
  }

  /// Whether that is below the unigram entropy; a model that knows nothing but frequencies bears rates that teach it nothing.
  public var isLearning: Bool { !(lastLoss >= manifest.corpus.unigramEntropy) }

  /// As many steps as a divergence is judged by.
  static let lastSteps = 20

  /// Reads a run's end off its records.
  ///
  /// A step that ends a run is its last record, and its update was not made: with t the update that the record's rate belongs
  /// to, t - 1 updates were. A run that did not fail made that update too.
  /// - Throws: where the run is no stability test, or lacks what one needs.
  public init(_ run: RecordedRun) throws(AnalysisError) {
    let label = runLabel(run.manifest)
    let settings = ConfigurationKeys(json: run.manifest.configurationJSON).values
    guard settings["decay"] == "ramp", let slope = settings["lr-slope"].flatMap({ Double($0) }), slope > 0
    else { throw .notARamp(label: label, decay: settings["decay"]) }
    guard let lastRate = run.learningRate.last else { throw .noSteps(label: label) }
    guard let outputs = run.outputs else { throw .noOutputs(label: label) }
    manifest = run.manifest
    ending = Ending(run.status)
    func updatesBefore(_ rate: Double) -> Int { Int((rate / slope).rounded()) - 1 }
    updates = updatesBefore(lastRate) + (ending.isFailure ? 0 : 1)
    peakRate = slope * Double(updates)
    let limit = (settings["precision"].flatMap { Precision(rawValue: $0) } ?? .fp32).outputLimit
    let first = outputs.values.enumerated().lazy.compactMap { row, values in
      values.firstIndex { !($0 <= limit) }.map { (row: row, place: outputs.places[$0]) }
    }.first
    failed = first?.place
    failedAfter = first.map { updatesBefore(run.learningRate[$0.row]) }
    largest = outputs.values.last.flatMap { LargestOutput($0, outputs.places) }
    rates = run.learningRate
    losses = run.loss
  }
}

extension StabilityOutcome.Ending {
  init(_ status: RunStatus) {
    self =
      switch status {
      case .running: .unfinished
      case .finished: .survived
      case .interrupted: .interrupted
      case .nonfinite: .nonfinite
      case .failed: .error
      case .overflow: .overflow
      case .diverged: .diverged
      case .lossScaleExhausted: .lossScaleExhausted
      }
  }
}

extension StabilityOutcome.LargestOutput {
  /// The largest of one step's outputs, the first of equal ones; what is not finite is larger than anything.
  fileprivate init?(_ values: [Double], _ places: [OperationPlace]) {
    guard var best = values.indices.first else { return nil }
    for index in values.indices where values[best].isFinite && !(values[index] <= values[best]) {
      best = index
    }
    self.init(place: places[best], maxAbs: values[best])
  }
}
