import RunData

/// A run as a report takes it: the run with one operation's gradients, and what its file says beside.
public struct ReportedRun: Sendable {
  /// One attempt at the run.
  public struct Attempt: Equatable, Sendable {
    /// Counted from 0.
    public var segment: Int
    /// The step that it began with.
    public var firstStep: Int
    /// How it ended.
    public var end: RunStatus
    /// Program, matrix products, threads and processor.
    public var machine: String

    /// Creates an attempt.
    public init(segment: Int, firstStep: Int, end: RunStatus, machine: String) {
      self.segment = segment
      self.firstStep = firstStep
      self.end = end
      self.machine = machine
    }
  }

  /// Gradients that are not finite, at the first step that has some.
  public struct Nonfinite: Equatable, Sendable {
    /// The step.
    public var step: Int
    /// Full names of the tensors.
    public var tensors: [String]

    /// Creates a finding.
    public init(step: Int, tensors: [String]) {
      self.step = step
      self.tensors = tensors
    }
  }

  /// The run with the operation that the report is about; of a stability test with the outputs of operations.
  public var run: RecordedRun
  /// The name of its file, without folders.
  public var fileName: String
  /// Whether it is being written.
  public var isGrowing: Bool
  /// The snapshots of its scales, in order.
  public var snapshots: [ScaleSnapshot]
  /// The learning rate of the update at a step by its configuration; nil where that does not say.
  public var schedule: (@Sendable (Int) -> Double)?
  /// The attempts that made it, in order; empty where the file does not tell.
  public var attempts: [Attempt]
  /// What of the file could not be used, each a sentence without its full stop.
  public var damage: [String]
  /// The first gradients that are not finite; nil where all are.
  public var nonfinite: Nonfinite?
  /// Tensors that do not train at every recorded step.
  public var untrained: [UntrainedTensors]
  /// Experts that get no token at any recorded step.
  public var deadExperts: [DeadExperts] = []
  /// What the rules that it was made with have said, each a sentence without its full stop.
  public var alerts: [String] = []
  /// How large weights and updates are over its last steps; nil where that is not known.
  public var parameters: ParameterMeans?

  /// Creates a reported run.
  public init(
    run: RecordedRun, fileName: String, isGrowing: Bool = false, snapshots: [ScaleSnapshot] = [],
    schedule: (@Sendable (Int) -> Double)? = nil, attempts: [Attempt] = [], damage: [String] = [],
    nonfinite: Nonfinite? = nil, untrained: [UntrainedTensors] = []
  ) {
    self.run = run
    self.fileName = fileName
    self.isGrowing = isGrowing
    self.snapshots = snapshots
    self.schedule = schedule
    self.attempts = attempts
    self.damage = damage
    self.nonfinite = nonfinite
    self.untrained = untrained
  }

  /// Whether its learning rate rises until training fails.
  public var isStabilityTest: Bool { Self.isStabilityTest(run.manifest) }

  /// Whether a run's learning rate rises until training fails.
  public static func isStabilityTest(_ manifest: RunManifest) -> Bool {
    ConfigurationKeys(json: manifest.configurationJSON).values["decay"] == "ramp"
  }

  /// Steps at which the loss or the norm of the whole gradient is not finite.
  public var nonfiniteSteps: [Int] {
    run.steps.indices.filter { index in
      !run.loss[index].isFinite
        || (run.gradientL2.indices.contains(index) && !run.gradientL2[index].isFinite)
    }.map { run.steps[$0] }
  }
}

extension ReportedRun {
  /// How the run ended: `finished`, `killed`, `running`.
  var standing: String { run.status.standing(isGrowing: isGrowing) }

  /// Attempts, or as many as the steps tell of.
  var attemptCount: Int { max(attempts.count, Set(run.segments).count) }

  /// Places in which recorded steps are missing.
  var gaps: [(after: Int, before: Int)] {
    let stretches = LayerSeries.stretches(steps: run.steps, segments: run.segments)
    return zip(stretches, stretches.dropFirst()).map {
      (run.steps[$0.upperBound - 1], run.steps[$1.lowerBound])
    }
  }
}
