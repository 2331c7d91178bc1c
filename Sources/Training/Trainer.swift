import Architecture
import Corpus
import Kernels
import RunData
import Transformer

/// Trains one model and says what it measures; prints nothing and opens no file but the corpus.
public final class Trainer<Scalar: KernelScalar> {
  /// The model in training.
  public let model: Model<Scalar>
  /// How it trains.
  public let configuration: TrainingConfiguration
  /// The optimizer's state.
  public let optimizer: Optimizer<Scalar>
  /// Times the parts of each step where it is set.
  public var clock: StepClock?
  /// Evaluates the model after so many updates, at the configuration's interval; it changes nothing of the run. Nil evaluates nothing.
  public var evaluate: ((_ updates: Int) throws -> EvaluationRecord)?

  private let goal: any TrainingGoal<Scalar>
  private let recorder: GradientRecorder<Scalar>
  private let probe: ActivationProbe?
  private let examples: ExampleNorms?
  private let noise: NoiseMeasurement<Scalar>?
  var scaler: LossScaler?
  var watch: FailureWatch

  /// Prepares the run of a language model, which has its initial values already.
  ///
  /// - Throws: where the corpus is too short for one batch.
  public convenience init(
    model: Model<Scalar>, corpus: CorpusSplit, configuration: TrainingConfiguration
  ) throws(CorpusError) {
    let noise = try configuration.recording.noise.map { schedule throws(CorpusError) in
      try NoiseMeasurement(schedule, model: model, corpus: corpus.training, configuration: configuration)
    }
    self.init(
      model: model,
      goal: try LanguageModelling(
        of: model.configuration, corpus: corpus, configuration: configuration),
      configuration: configuration, noise: noise)
  }

  /// Prepares a run towards any goal. Its batches are not looked at by parts.
  public convenience init(
    model: Model<Scalar>, goal: any TrainingGoal<Scalar>, configuration: TrainingConfiguration
  ) {
    precondition(configuration.recording.noise == nil, "noise of a goal whose batches have no parts")
    self.init(model: model, goal: goal, configuration: configuration, noise: nil)
  }

  private init(
    model: Model<Scalar>, goal: any TrainingGoal<Scalar>, configuration: TrainingConfiguration,
    noise: NoiseMeasurement<Scalar>?
  ) {
    self.model = model
    self.goal = goal
    self.configuration = configuration
    self.noise = noise
    optimizer = Optimizer(configuration.optimizer, table: model.table)
    recorder = GradientRecorder(model: model)
    let isProbed = configuration.recording.activations || configuration.failure.outputLimit != nil
    probe = isProbed ? model.makeProbe() : nil
    examples = configuration.recording.noise == nil ? nil : model.makeExampleNorms()
    scaler = configuration.lossScaling.map(LossScaler.init)
    watch = FailureWatch(configuration.failure)
  }

  /// Gives the model its initial values: those of the run's seed, and where some await a pass, what the first step's batch says of them.
  ///
  /// - Throws: where the corpus cannot be read.
  public func initializeModel() throws {
    model.initialize(seed: configuration.seed)
    if model.table.needsProfile { try goal.profile(model) }
  }

  /// Makes every step from `firstStep` on: what comes out is what a run from step 0 on would give from there, where
  /// model and optimizer are as that run left them.
  ///
  /// - Parameters:
  ///   - shouldStop: asked after each step.
  ///   - emit: takes each event; an error of its ends the run.
  public func run(
    from firstStep: Int = 0, shouldStop: () -> Bool = { false },
    emit: (TrainingEvent) throws -> Void
  ) throws -> TrainingEnd {
    if firstStep == 0 { try emit(.snapshot(model.scaleSnapshot(step: 0))) }
    for step in firstStep..<configuration.stepCount {
      let outcome = try makeStep(step)
      try emit(outcome.event)
      if let noise = outcome.noise { try emit(.noise(noise)) }
      if let report = outcome.nonfinite { try emit(.nonfinite(report)) }
      if let end = outcome.end { return end }
      let isLast = step + 1 == configuration.stepCount
      try emitMeasurements(afterUpdates: step + 1, isLast: isLast, emit)
      let stops = !isLast && shouldStop()
      if stops || isLast || isCheckpointDue(step + 1) { try emit(.checkpointDue(updates: step + 1)) }
      if stops { return .interrupted }
    }
    return .finished
  }

  private func isCheckpointDue(_ updates: Int) -> Bool {
    configuration.recording.checkpointInterval.map { updates % $0 == 0 } ?? false
  }

  /// Only what an uninterrupted run measures too: a stop leaves no trace among the numbers.
  private func emitMeasurements(
    afterUpdates count: Int, isLast: Bool, _ emit: (TrainingEvent) throws -> Void
  ) throws {
    let recording = configuration.recording
    if isLast || count % recording.snapshotInterval == 0 {
      try emit(.snapshot(model.scaleSnapshot(step: count)))
    }
    let isDue = recording.validationInterval.map { count % $0 == 0 } ?? false
    if isLast || isDue, let record = try goal.validate(model, updates: count) {
      try emit(.validated(record))
    }
    if let evaluate, isLast || recording.evaluationInterval.map({ count % $0 == 0 }) ?? false {
      try emit(.evaluated(evaluate(count)))
    }
  }

  // MARK: - One step

  private struct Outcome {
    let event: TrainingEvent
    let noise: NoiseRecord?
    let nonfinite: NonfiniteReport?
    /// Where the run ends with the step.
    let end: TrainingEnd?
  }

  private func makeStep(_ step: Int) throws -> Outcome {
    let start = ContinuousClock.now
    let isScheduled = configuration.recording.schedule.includes(step: step)
    probe?.reset()
    examples?.reset()
    let tokens = goal.lossCount(step: step)
    let isProbed = isScheduled || !configuration.failure.isEmpty
    let loss = try computeGradients(
      step, tokens: tokens, probe: isProbed ? probe : nil, examples: isScheduled ? examples : nil)
    let factor = gradientFactor(tokens: tokens)
    let isByParts = noise?.includes(step: step) ?? false
    let needsSums = isScheduled || isByParts || configuration.clipNorm != nil || scaler != nil
    var sums = needsSums ? clock.measure(.recording) { recorder.measure() } : nil
    let coefficient = clipCoefficient(gradientL2: sums?.l2)
    let isFinite = loss.isFinite && (sums?.l2.isFinite ?? true)
    let rate = configuration.schedule.rate(step: step - (scaler?.skippedSteps ?? 0))
    let lossScale = scaler?.scale
    var failure = watch.failure(step: step, loss: loss, probe: isProbed ? probe : nil)
    if let exhausted = updateScale(step, isFinite: isFinite), failure == nil { failure = exhausted }
    let nonfinite = isFinite || scaler != nil || failure != nil ? nil : try report(step, loss: loss)
    let end =
      failure.map(TrainingEnd.failed)
      ?? (configuration.onNonfinite == .stop ? nonfinite.map(TrainingEnd.nonfinite) : nil)
    let noise =
      try isByParts && isFinite && end == nil ? measureNoise(step, whole: sums, lossScale: lossScale) : nil
    let isUpdated = updates(isFinite: isFinite, end: end)
    let measuresParameters = configuration.recording.measuresWeights(step: step)
    if isUpdated {
      clock.measure(.optimizer) {
        optimizer.update(
          model, learningRate: rate, gradientFactor: coefficient,
          sums: measuresParameters ? recorder.updateSums : nil)
      }
    }
    let parameters =
      measuresParameters
      ? clock.measure(.recording) { recorder.measureParameters(isUpdated: isUpdated) }
      : nil
    // A step that ends the run is recorded whatever the schedule.
    if sums == nil, end != nil { sums = recorder.measure() }
    let seconds = start.duration(to: .now) / .seconds(1)
    guard isScheduled || end != nil, let sums else {
      let event = TrainingEvent.passed(step: step, loss: loss, seconds: seconds)
      return Outcome(event: event, noise: noise, nonfinite: nonfinite, end: nil)
    }
    var record = StepRecord(
      step: step, loss: loss, learningRate: rate, gradientL2: sums.l2, clipCoefficient: coefficient,
      tokens: tokens, seconds: seconds, gradients: sums.layers, stemGradients: sums.stem,
      lossScale: lossScale,
      parameters: parameters)
    if configuration.recording.activations { addOutputs(to: &record, gradientFactor: factor) }
    record.exampleNorms = examples.map { recorder.measure($0, factor: factor) }
    return Outcome(event: .recorded(record), noise: noise, nonfinite: nonfinite, end: end)
  }

  private func measureNoise(
    _ step: Int, whole: (layers: SumColumns, stem: SumColumns, l2: Double)?, lossScale: Double?
  ) throws(CorpusError) -> NoiseRecord? {
    guard let noise, let whole else { return nil }
    return try clock.measure(.recording) { () throws(CorpusError) in
      try noise.measure(step: step, whole: (whole.layers, whole.stem), lossScale: lossScale)
    }
  }

  /// Whether a step's update is made: not where the run ends with a failure, nor from gradients that are not finite, but for
  /// the policy to go on with them.
  private func updates(isFinite: Bool, end: TrainingEnd?) -> Bool {
    if !configuration.updatesParameters { return false }
    if case .failed = end { return false }
    return isFinite || (scaler == nil && configuration.onNonfinite == .continue)
  }

  private func updateScale(_ step: Int, isFinite: Bool) -> TrainingFailure? {
    guard var scaler else { return nil }
    defer { self.scaler = scaler }
    guard !isFinite else {
      scaler.noteUpdate()
      return nil
    }
    return scaler.noteOverflow() ? .lossScaleExhausted(step: step, scale: scaler.scale) : nil
  }

  private func addOutputs(to record: inout StepRecord, gradientFactor: Double) {
    record.activations = probe?.outputs
    record.activationMoments = probe?.outputMoments
    record.stemActivationMoments = probe?.stemOutputMoments
    record.attention = probe?.attentionColumns
    record.activationGradients = probe?.gradients.scaled(by: gradientFactor)
    record.stemActivations = probe?.stemOutputs
    record.stemActivationGradients = probe?.stemGradients.scaled(by: gradientFactor)
  }

  /// What turns gradients as the backward pass computes them into those of the mean over the global batch.
  ///
  /// With a loss scale the backward pass starts from the scaled sum over the tokens, as in fairseq: what 16 bits have room for
  /// is decided there.
  private func gradientFactor(tokens: Int) -> Double { scaler.map { 1 / ($0.scale * Double(tokens)) } ?? 1 }

  /// The gradient of the mean over the global batch, added up over its micro-batches; returns the mean.
  private func computeGradients(
    _ step: Int, tokens: Int, probe: ActivationProbe?, examples: ExampleNorms? = nil
  ) throws -> Double {
    let sum = try goal.computeGradients(
      of: model, step: step, gradientScale: scaler?.scale ?? 1 / Double(tokens), seed: configuration.seed,
      measures: StepMeasures(probe: probe, examples: examples, clock: clock))
    if scaler != nil { model.scaleGradients(by: Scalar(gradientFactor(tokens: tokens))) }
    return sum / Double(tokens)
  }

  /// `clip / (norm + 1e-6)` where that is below 1, as `torch.nn.utils.clip_grad_norm_` has it.
  private func clipCoefficient(gradientL2: Double?) -> Double {
    guard let clipNorm = configuration.clipNorm, let gradientL2 else { return 1 }
    return min(1, clipNorm / (gradientL2 + 1e-6))
  }

  /// Looks for the place where numbers first stopped being finite, by passing the step's batches again, measured.
  private func report(_ step: Int, loss: Double) throws -> NonfiniteReport {
    let search = probe ?? model.makeProbe()
    search.reset()
    _ = try computeGradients(step, tokens: goal.lossCount(step: step), probe: search)
    return NonfiniteReport(
      step: step, loss: loss, operation: search.firstOutput { $0.nonfinite > 0 }?.place.description,
      tensor: model.table.parameters.indices.reversed()
        .first { model.gradientSums($0).nonfinite > 0 }.map { model.table.parameters[$0].fullName })
  }
}
