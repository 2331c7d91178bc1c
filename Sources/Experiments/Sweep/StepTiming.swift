import Analysis
import Corpus
import Kernels
import RunData
import Statistics
import Training
import Transformer

/// Seconds of a step of several runs, measured in turn so that a machine whose speed drifts treats all alike.
struct StepTiming {
  let team: Team
  let host: any RunHost
  private let rounds = 3
  private let warmUpSteps = 2
  private let countedSteps = 8

  /// The median of each run's counted steps, recording included.
  func seconds(of runs: [(run: PlannedRun, corpus: CorpusSplit)]) throws -> [Double] {
    var samples = Array(repeating: [Double](), count: runs.count)
    for _ in 0..<rounds {
      for (index, planned) in runs.enumerated() {
        samples[index] += try time(planned.run, planned.corpus)
        guard !host.shouldStop else {
          throw ExperimentError.failed("stopped before the steps were timed")
        }
      }
    }
    return samples.map(median)
  }

  private func time(_ run: PlannedRun, _ corpus: CorpusSplit) throws -> [Double] {
    var training = run.training
    training.stepCount = warmUpSteps + countedSteps
    training.recording.validationInterval = nil
    let shape = PassShape(batchSize: training.batch.batchSize, sequenceLength: training.batch.sequenceLength)
    let model = try Model<Float>(run.model, shape: shape, team: team)
    model.initialize(seed: training.seed)
    let trainer = try Trainer(model: model, corpus: corpus, configuration: training)
    var seconds: [Double] = []
    _ = try trainer.run { event in
      switch event {
      case .recorded(let record): seconds.append(record.seconds)
      case .passed(_, _, let time): seconds.append(time)
      case .noise, .snapshot, .validated, .evaluated, .nonfinite, .checkpointDue: break
      }
    }
    return Array(seconds.dropFirst(warmUpSteps))
  }
}
