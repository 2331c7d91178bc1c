import Analysis
import Checkpoints
import Corpus
import Kernels
import RunData
import RunFile
import Training
import Transformer

/// Makes planned runs, or goes on with them: trains, records, keeps checkpoints, shows progress.
struct RunExecutor {
  let team: Team
  let console: Console
  /// Whether earlier files are replaced.
  var replacing = false
  /// Whether runs that were begun go on.
  var resuming = false
  /// Checkpoints that stay; 0 makes none.
  var keeping = 0
  /// Whether the last weights are kept.
  var keepsLast = false
  private let kernelNotice = KernelNotice()

  init(
    team: Team, console: Console, replacing: Bool = false, resuming: Bool = false, keeping: Int = 0,
    keepsLast: Bool = false
  ) {
    self.team = team
    self.console = console
    self.replacing = replacing
    self.resuming = resuming
    self.keeping = keeping
    self.keepsLast = keepsLast
  }

  /// Makes one run and leaves it in a run file that is complete however the run ends.
  ///
  /// - Returns: how it ended.
  func execute(_ run: PlannedRun, corpus: CorpusSplit, path: String, view: LiveView) throws -> TrainingEnd {
    let earlier = resuming ? try EarlierRun(path: path, run: run, console: console) : nil
    if let end = earlier?.end {
      view.start(run, at: run.training.stepCount)
      return end
    }
    let trainer = try makeTrainer(run, corpus)
    let keeper = CheckpointKeeper(run: run, runFile: path, keeping: keeping, keepsLast: keepsLast)
    let firstStep = try start(trainer, run, keeper, earlier)
    let writer = try makeWriter(run, path, firstStep, earlier)
    kernelNotice.begin(
      run.operationsPerStep * Double(run.training.stepCount - firstStep), warn: console.warn)
    view.start(run, at: firstStep)
    let teller = run.alerts.isEmpty ? nil : try AlertTeller(for: run, console)
    do {
      let end = try trainer.run(from: firstStep, shouldStop: { StopSignal.isRequested }) { event in
        if case .checkpointDue(let updates) = event {
          try keep(trainer, updates, keeper, writer)
        } else {
          try record(event, writer, view)
          if case .recorded(let record) = event {
            teller?.look(at: record.numbers(of: run.manifest.gradients))
          }
        }
      }
      try writer.finish(status: end.status)
      view.end()
      if case .finished = end, keepsLast, keeping > 0 { try giveBack(trainer.model, run, path) }
      if case .failed(let failure) = end { console.progress("\(run.manifest.architecture): \(failure)") }
      return end
    } catch {
      view.end()
      // What was flushed stays readable; the run file says that the run failed where it still can.
      try? writer.finish(status: .failed)
      throw error
    }
  }

  /// Weights that came from another library go back under its names.
  private func giveBack(_ model: Model<Float>, _ run: PlannedRun, _ path: String) throws {
    guard let checkpoint = run.checkpoint?.checkpoint, checkpoint.isForeign else { return }
    let folder = ModelFolder(runFile: path)
    if try folder.write(model, of: checkpoint) {
      console.progress("\(run.manifest.architecture): the model under its own names is in \(folder.path)")
    }
  }

  // MARK: - Start

  private func makeTrainer(_ run: PlannedRun, _ corpus: CorpusSplit) throws -> Trainer<Float> {
    let shape = PassShape(
      batchSize: run.training.batch.batchSize, sequenceLength: run.training.batch.sequenceLength)
    let model = try Model<Float>(run.model, shape: shape, team: team)
    return try Trainer(model: model, corpus: corpus, configuration: run.training)
  }

  /// Puts the trainer where the run goes on, and returns the step.
  private func start(
    _ trainer: Trainer<Float>, _ run: PlannedRun, _ keeper: CheckpointKeeper, _ earlier: EarlierRun?
  ) throws -> Int {
    if let earlier,
      let step = keeper.restore(into: trainer, where: earlier.covers, warn: console.warn)
    {
      console.progress("\(run.manifest.architecture): goes on with step \(step)")
      return step
    }
    if earlier != nil {
      console.progress(
        "\(run.manifest.architecture): no checkpoint to go on from; goes through its steps again")
      trainer.reset()
    }
    if let checkpoint = run.checkpoint {
      try checkpoint.load(into: trainer.model)
    } else {
      try trainer.initializeModel()
    }
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
      let isOnTheWay = updates < trainer.configuration.stepCount && !StopSignal.isRequested
      // A disk that is full now must not end a run that may yet end well; at its end nothing comes after.
      guard isOnTheWay else { throw error }
      console.warn("the checkpoint after \(updates) updates could not be kept: \(error)")
    }
  }

  private func record(_ event: TrainingEvent, _ writer: RunFileWriter, _ view: LiveView) throws {
    switch event {
    case .recorded(let record):
      try writer.append(record)
      view.update(record)
    case .passed(let step, let loss, let seconds): view.update(step: step, loss: loss, seconds: seconds)
    case .noise(let noise): try writer.append(noise)
    case .snapshot(let snapshot): try writer.append(snapshot)
    case .validated(let validation):
      try writer.append(validation)
      view.validated(validation)
    case .nonfinite(let report): console.warn(report.description)
    case .checkpointDue: break
    }
  }
}

extension AlertTeller {
  fileprivate convenience init(for run: PlannedRun, _ console: Console) throws {
    try self.init(
      run.alerts, of: run.manifest, command: run.alertCommand,
      name: "\(run.manifest.architecture), seed \(run.manifest.seed)", console: console)
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
