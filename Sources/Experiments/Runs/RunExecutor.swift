import Architecture
import Checkpoints
import Corpus
import Kernels
import RunData
import RunFile
import Training
import Transformer

/// Makes planned runs, or goes on with them: trains, records, keeps checkpoints, shows progress.
package struct RunExecutor {
  private let team: Team
  private let host: any RunHost
  /// Whether earlier files are replaced.
  private let replacing: Bool
  /// Whether runs that were begun go on.
  private let resuming: Bool
  /// Checkpoints that stay; 0 makes none.
  private let keeping: Int
  /// Whether the last weights are kept.
  private let keepsLast: Bool

  package init(
    team: Team, host: any RunHost, replacing: Bool = false, resuming: Bool = false, keeping: Int = 0,
    keepsLast: Bool = false
  ) {
    self.team = team
    self.host = host
    self.replacing = replacing
    self.resuming = resuming
    self.keeping = keeping
    self.keepsLast = keepsLast
  }

  /// Makes one run and leaves it in a run file that is complete however the run ends.
  ///
  /// - Returns: how it ended.
  package func execute(_ run: PlannedRun, corpus: CorpusSplit, path: String) throws -> TrainingEnd {
    try execute(run, path: path) { model in
      let trainer = try Trainer(model: model, corpus: corpus, configuration: run.training)
      try run.evaluate(trainer, corpus)
      return trainer
    }
  }

  /// The same for a run towards any goal.
  package func execute(_ run: PlannedRun, goal: any TrainingGoal<Float>, path: String) throws -> TrainingEnd {
    try execute(run, path: path) { model in
      Trainer(model: model, goal: goal, configuration: run.training)
    }
  }

  private func execute(
    _ run: PlannedRun, path: String, makeTrainer: (Model<Float>) throws -> Trainer<Float>
  ) throws -> TrainingEnd {
    let earlier = resuming ? try EarlierRun(path: path, run: run, host: host) : nil
    if let end = earlier?.end {
      host.began(run, at: run.training.stepCount)
      return end
    }
    let trainer = try makeTrainer(makeModel(run))
    let keeper = CheckpointKeeper(run: run, runFile: path, keeping: keeping, keepsLast: keepsLast)
    let firstStep = try start(trainer, run, keeper, earlier)
    let writer = try makeWriter(run, path, firstStep, earlier)
    host.expects(operations: run.operationsPerStep * Double(run.training.stepCount - firstStep))
    host.began(run, at: firstStep)
    try host.watches(run)
    do {
      let end = try trainer.run(from: firstStep, shouldStop: { host.shouldStop }) { event in
        if case .checkpointDue(let updates) = event {
          try keep(trainer, updates, keeper, writer)
        } else {
          try record(event, writer)
        }
      }
      try writer.finish(status: end.status)
      host.ended()
      if case .finished = end, keepsLast, keeping > 0 { try giveBack(trainer.model, run, path) }
      if case .failed(let failure) = end { host.note("\(run.manifest.architecture): \(failure)") }
      return end
    } catch {
      host.ended()
      // What was flushed stays readable; the run file says that the run failed where it still can.
      try? writer.finish(status: .failed)
      throw error
    }
  }

  /// Weights that came from another library go back under its names.
  private func giveBack(_ model: Model<Float>, _ run: PlannedRun, _ path: String) throws {
    guard let checkpoint = run.checkpoint?.checkpoint, checkpoint.isForeign, run.model.sequenceHead == nil
    else { return }
    let folder = ModelFolder(runFile: path)
    if try folder.write(model, of: checkpoint) {
      host.note("\(run.manifest.architecture): the model under its own names is in \(folder.path)")
    }
  }

  // MARK: - Start

  private func makeModel(_ run: PlannedRun) throws -> Model<Float> {
    let shape = PassShape(
      batchSize: run.training.batch.batchSize, sequenceLength: run.training.batch.sequenceLength)
    return try Model<Float>(run.model, shape: shape, team: team)
  }

  /// Puts the trainer where the run goes on, and returns the step.
  private func start(
    _ trainer: Trainer<Float>, _ run: PlannedRun, _ keeper: CheckpointKeeper, _ earlier: EarlierRun?
  ) throws -> Int {
    if let earlier,
      let step = keeper.restore(into: trainer, where: earlier.covers, warn: host.warn)
    {
      host.note("\(run.manifest.architecture): goes on with step \(step)")
      return step
    }
    if earlier != nil {
      host.note(
        "\(run.manifest.architecture): no checkpoint to go on from; goes through its steps again")
      trainer.reset()
    }
    if run.checkpoint == nil || run.model.sequenceHead != nil { try trainer.initializeModel() }
    try run.checkpoint?.load(into: trainer.model)
    return 0
  }

  private func makeWriter(
    _ run: PlannedRun, _ path: String, _ firstStep: Int, _ earlier: EarlierRun?
  ) throws -> RunFileWriter {
    guard earlier != nil else {
      return try RunFileWriter(creating: path, manifest: run.manifest, replacing: replacing)
    }
    return try RunFileWriter(resuming: path, manifest: run.manifest, firstStep: firstStep)
  }

  // MARK: - Events

  private func keep(
    _ trainer: Trainer<Float>, _ updates: Int, _ keeper: CheckpointKeeper, _ writer: RunFileWriter
  ) throws {
    guard keeper.isWanted(updates: updates) else { return }
    // Rows first: a checkpoint ahead of them could not be used without a gap.
    try writer.flush()
    do { try keeper.save(trainer, updates: updates) } catch {
      let isOnTheWay = updates < trainer.configuration.stepCount && !host.shouldStop
      // A disk that is full now must not end a run that may yet end well; at its end nothing comes after.
      guard isOnTheWay else { throw error }
      host.warn("the checkpoint after \(updates) updates could not be kept: \(error)")
    }
  }

  private func record(_ event: TrainingEvent, _ writer: RunFileWriter) throws {
    switch event {
    case .recorded(let record): try writer.append(record)
    case .noise(let noise): try writer.append(noise)
    case .snapshot(let snapshot): try writer.append(snapshot)
    case .validated(let validation): try writer.append(validation)
    case .evaluated(let evaluation): try writer.append(evaluation)
    case .nonfinite(let report): host.warn(report.description)
    case .passed, .checkpointDue: break
    }
    host.saw(event)
  }
}

extension PlannedRun {
  /// Has the trainer evaluate the model where the run is to be.
  fileprivate func evaluate(_ trainer: Trainer<Float>, _ corpus: CorpusSplit) throws {
    guard let settings = evaluation else { return }
    let opened = try RunEvaluation(
      settings, model: model, sequence: training.batch.sequenceLength, corpus: corpus)
    guard opened.layouts == manifest.evaluations else {
      throw ExperimentError.failed("the files that the run is evaluated on have changed since it was planned")
    }
    trainer.evaluate = opened.measurement(of: trainer.model)
  }
}

extension TrainingEnd {
  /// How a run file says it.
  var status: RunStatus {
    switch self {
    case .finished: .finished
    case .interrupted: .interrupted
    case .nonfinite: .nonfinite
    case .failed(.overflow): .overflow
    case .failed(.diverged): .diverged
    case .failed(.lossScaleExhausted): .lossScaleExhausted
    }
  }
}
