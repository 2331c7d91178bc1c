import Corpus
import Kernels
import RunData
import RunFile
import Training
import Transformer

/// Makes planned runs: trains, records, shows progress.
struct RunExecutor {
  let team: Team
  let console: Console

  /// Makes one run and leaves it in a run file that is complete however the run ends.
  ///
  /// - Returns: how it ended.
  func execute(
    _ run: PlannedRun, corpus: CorpusSplit, path: String, replacing: Bool, view: LiveView
  ) throws -> TrainingEnd {
    let shape = PassShape(
      batchSize: run.training.batch.batchSize, sequenceLength: run.training.batch.sequenceLength)
    let model = try Model<Float>(run.model, shape: shape, team: team)
    if let checkpoint = run.checkpoint {
      try checkpoint.load(into: model)
    } else {
      model.initialize(seed: run.training.seed)
    }
    let trainer = try Trainer(model: model, corpus: corpus, configuration: run.training)
    let writer = try RunFileWriter(creating: path, manifest: run.manifest, replacing: replacing)
    view.start(run)
    do {
      let end = try trainer.run(shouldStop: { StopSignal.isRequested }) { event in
        try record(event, writer, view)
      }
      try writer.finish(status: end.status)
      view.end()
      return end
    } catch {
      view.end()
      // What was flushed stays readable; the run file says that the run failed where it still can.
      try? writer.finish(status: .failed)
      throw error
    }
  }

  private func record(_ event: TrainingEvent, _ writer: RunFileWriter, _ view: LiveView) throws {
    switch event {
    case .recorded(let record):
      try writer.append(record)
      view.update(record)
    case .passed(let step, let loss, let seconds): view.update(step: step, loss: loss, seconds: seconds)
    case .snapshot(let snapshot): try writer.append(snapshot)
    case .validated(let validation):
      try writer.append(validation)
      view.validated(validation)
    case .nonfinite(let report): console.warn(report.description)
    }
  }
}

extension TrainingEnd {
  /// How a run file says it.
  var status: RunStatus {
    switch self {
    case .finished: .finished
    case .interrupted: .interrupted
    case .nonfinite: .nonfinite
    }
  }
}
