import RunData

/// What weight decay alone would have done to gains: decoupled decay multiplies each parameter it acts on by 1 - lr · wd at
/// every update (Loshchilov and Hutter 2019), whatever its gradient.
public enum GainDecay: Equatable, Sendable {
  /// Where the learning rates of the updates come from.
  public enum Rates: String, Equatable, Sendable {
    /// The run file has every one.
    case recorded = "recorded learning rates"
    /// The run file leaves steps out; the schedule of its configuration has them all.
    case scheduled = "learning rates of the configured schedule"
  }

  /// It acted on them: the product of 1 - lr · wd over the updates before each of the run's snapshots.
  case acted(weightDecay: Double, rates: Rates, factors: [Double])
  /// It did nothing to them, and why.
  case absent(String)
  /// Nobody can tell, and why.
  case unknown(String)

  /// As many updates are multiplied at most.
  static let longest = 100_000_000

  /// Reads a run's configuration and learning rates.
  ///
  /// - Parameters:
  ///   - steps: updates made before each snapshot, ascending.
  ///   - schedule: the learning rate of the update at a step, by the configuration; nil where it does not say.
  init(of run: RecordedRun, steps: [Int], schedule: ((Int) -> Double)?) {
    let settings = ConfigurationKeys(json: run.manifest.configurationJSON).values
    guard let decay = settings["weight-decay"].flatMap(Double.init), let decayed = settings["decayed"] else {
      self = .unknown("the run's configuration does not say")
      return
    }
    guard decay != 0 else {
      self = .absent("weight decay is 0")
      return
    }
    guard decayed == "all" else {
      self = .absent("weight decay \(decay) spared gains and scales")
      return
    }
    guard settings["update"] != "false" else {
      self = .absent("no parameter was updated")
      return
    }
    let last = steps.last ?? 0
    if let rates = Self.recordedRates(run, updates: last) {
      self = .acted(
        weightDecay: decay, rates: .recorded, factors: Self.factors(steps, decay) { rates[$0] })
    } else if let schedule, last <= Self.longest {
      self = .acted(weightDecay: decay, rates: .scheduled, factors: Self.factors(steps, decay, schedule))
    } else {
      self = .unknown("the run file does not have the learning rate of every step")
    }
  }

  /// What a gain of 1 would be at a snapshot by decay alone: 1 where decay did nothing; nil where nobody can tell.
  func factor(atSnapshot index: Int) -> Double? {
    switch self {
    case .acted(_, _, let factors): factors[index]
    case .absent: 1
    case .unknown: nil
    }
  }

  /// Rates by step where every update's is recorded, else nil.
  private static func recordedRates(_ run: RecordedRun, updates: Int) -> ArraySlice<Double>? {
    guard updates <= run.steps.count, updates <= run.learningRate.count,
      updates == 0 || run.steps[updates - 1] == updates - 1
    else { return nil }
    // Steps ascend from 0 or later: where the last is in its place, all are.
    return run.learningRate[..<updates]
  }

  private static func factors(_ steps: [Int], _ decay: Double, _ rate: (Int) -> Double) -> [Double] {
    var (factor, made) = (1.0, 0)
    return steps.map { step in
      while made < step {
        factor *= 1 - rate(made) * decay
        made += 1
      }
      return factor
    }
  }
}
