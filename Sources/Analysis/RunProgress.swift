import RunData

/// How far a run is, and how it does: a row of a list of runs.
public struct RunProgress: Equatable, Sendable {
  /// Records that loss and speed are means of.
  public static let recordCount = 50

  /// The architecture's name in the literature's spelling.
  public let architecture: String
  /// The seed.
  public let seed: UInt64
  /// How it stands: `running`, `finished`, `killed`, `interrupted`, ...
  public let standing: String
  /// The last recorded step; nil before the first.
  public let lastStep: Int?
  /// The steps that its configuration asks for; nil where it does not say.
  public let stepCount: Int?
  /// Mean training loss over the last ``recordCount`` records, in the unit of its number contract; not a number without any.
  public let loss: Double
  /// What a loss is in, e.g. `nats/token`.
  public let lossUnit: String
  /// What a model reaches that has learned nothing but token frequencies; nil where unknown, or where losses are in another unit.
  public let unigramEntropy: Double?
  /// What no model can go below; nil where unknown.
  public let entropyRate: Double?
  /// Tokens a second over the same records; nil where no time was recorded.
  public let tokensPerSecond: Double?
  /// Seconds until the last step at that speed; nil of a run that does not go on, and where the number of steps is not known.
  public let secondsLeft: Double?

  /// Reads the last records of a run.
  /// - Parameter isGrowing: whether it is being written.
  public init(of recent: RecordedRun, isGrowing: Bool) {
    let manifest = recent.manifest
    let records = recent.steps.indices.suffix(Self.recordCount)
    architecture = architectureTitle(manifest.architecture)
    seed = manifest.seed
    standing = recent.status.standing(isGrowing: isGrowing)
    lastStep = recent.steps.last
    stepCount = ConfigurationKeys.steps(json: manifest.configurationJSON)
    loss = records.isEmpty ? .nan : recent.loss[records].reduce(0, +) / Double(records.count)
    lossUnit = manifest.contract.lossUnit
    let corpus = manifest.contract.isNatsPerToken ? manifest.corpus : nil
    unigramEntropy = corpus.flatMap { $0.unigramEntropy.isNaN ? nil : $0.unigramEntropy }
    entropyRate = corpus?.entropyRate
    // Some recorders know of no time.
    let seconds = recent.seconds.isEmpty ? .nan : recent.seconds[records].reduce(0, +)
    let isTimed = seconds.isFinite && seconds > 0
    tokensPerSecond = isTimed ? Double(recent.tokens[records].reduce(0, +)) / seconds : nil
    if isGrowing, isTimed, let stepCount, let lastStep {
      secondsLeft = Double(max(0, stepCount - 1 - lastStep)) * seconds / Double(records.count)
    } else {
      secondsLeft = nil
    }
  }

  /// Whether the loss is not below the unigram entropy of its corpus.
  public var isNotLearning: Bool { lastStep != nil && unigramEntropy.map { !(loss < $0) } ?? false }
}

extension RunStatus {
  /// How a run stands: `finished`, `killed`, `running`.
  public func standing(isGrowing: Bool) -> String {
    switch self {
    case .running: isGrowing ? "running" : "killed"
    case .finished: "finished"
    case .interrupted: "interrupted"
    case .nonfinite: "not finite"
    case .failed: "failed"
    case .overflow: "overflow"
    case .diverged: "diverged"
    case .lossScaleExhausted: "loss scale exhausted"
    }
  }
}
