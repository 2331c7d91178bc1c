import Analysis
import Architecture
import CommandOptions
import Corpus
import Experiments
import Foundation
import Kernels
import RunData
import RunFile
import Statistics
import Training
import Transformer

/// What a benchmark found.
package struct BenchmarkResult: Encodable {
  package let program: String
  package let processor: String
  package let kernels: String
  package let threads: Int
  package let architecture: String
  package let parameters: Int
  package let tokensPerStep: Int
  /// Counted steps.
  package let steps: Int
  /// Quartiles of the steps that record, writing included, in seconds.
  package let stepSeconds: [Double]
  package let tokensPerSecond: Double
  /// Mean seconds of each part of a recorded step.
  package let partSeconds: [String: Double]
  /// Floating-point operations of a step's matrix products and attention.
  package let stepOperations: Double
  /// What the factors of the products are made of: `float32` or `bfloat16`.
  package let productFormat: String
  /// Operations a second of products of that format and this model's shapes, measured before and after the steps.
  package let productRate: Double
  /// What the products alone would take at that rate, as a share of the step.
  package let floorShare: Double
  /// Extra seconds of a step that records beside its neighbour that does not: median of pairs, and its 95 % interval.
  package let recordingSeconds: Double
  package let recordingInterval: [Double]
  package let recordingPairs: Int
  /// Mean seconds that writing to the run file takes a step, flushes included; part of `recordingSeconds`.
  package let writingSeconds: Double
  package let peakBytes: Int
}

/// Times training steps, every second one recorded to a run file.
package struct Benchmark {
  package let run: PlannedRun
  package let corpus: CorpusSplit
  package let team: Team
  /// Pairs of steps that are counted.
  package let pairCount: Int
  /// Pairs before them.
  package let warmUpPairs = 3

  package init(run: PlannedRun, corpus: CorpusSplit, team: Team, pairCount: Int) {
    self.run = run
    self.corpus = corpus
    self.team = team
    self.pairCount = pairCount
  }

  private struct Times {
    package var recorded: [Double] = []
    package var plain: [Double] = []
    package var writing: [Double] = []
    package var parts: [StepPart: Double] = [:]
  }

  package func measure(in folder: URL) throws -> BenchmarkResult {
    let batch = run.training.batch
    let rateBefore = productRate
    let model = try Model<Float>(
      run.model, shape: PassShape(batchSize: batch.batchSize, sequenceLength: batch.sequenceLength),
      team: team)
    model.initialize(seed: run.training.seed)
    let times = try time(model, in: folder)
    let rate = (rateBefore + productRate) / 2
    return result(times, rate: rate, parameters: model.table.elementCount)
  }

  /// Even steps record, odd ones do not.
  private func time(_ model: Model<Float>, in folder: URL) throws -> Times {
    var training = run.training
    training.stepCount = 2 * (warmUpPairs + pairCount)
    training.recording.schedule = .every(2)
    training.recording.snapshotInterval = training.stepCount
    let trainer = try Trainer(model: model, corpus: corpus, configuration: training)
    let clock = StepClock()
    trainer.clock = clock
    let writer = try RunFileWriter(
      creating: folder.appendingPathComponent("bench.h5").path, manifest: run.manifest)
    var times = Times()
    let end = try trainer.run(shouldStop: { StopSignal.isRequested }) { event in
      switch event {
      case .recorded(let record):
        let start = ContinuousClock.now
        try writer.append(record)
        let writing = start.duration(to: .now) / .seconds(1)
        if record.step >= 2 * warmUpPairs {
          times.recorded.append(record.seconds + writing)
          times.writing.append(writing)
          for (part, seconds) in clock.seconds { times.parts[part, default: 0] += seconds }
        }
        clock.reset()
      case .passed(let step, _, let seconds):
        if step >= 2 * warmUpPairs { times.plain.append(seconds) }
        clock.reset()
      case .snapshot(let snapshot): try writer.append(snapshot)
      case .noise, .validated, .evaluated, .nonfinite, .checkpointDue: break
      }
    }
    try writer.finish(status: .finished)
    if case .nonfinite(let report) = end {
      throw CommandError.failed("the steps cannot be timed to the end with these settings: \(report)")
    }
    guard !times.plain.isEmpty else { throw CommandError.failed("stopped before anything was measured") }
    return times
  }

  private func result(_ times: Times, rate: Double, parameters: Int) -> BenchmarkResult {
    let recorded = times.recorded.sorted()
    let median = quantile(0.5, ofSorted: recorded)
    let differences = zip(times.recorded, times.plain).map { $0 - $1 }.sorted()
    let pairs = differences.count
    // The median's distribution-free interval: ranks n/2 ± 1.96 √n/2.
    let reach = 0.98 * Double(pairs).squareRoot()
    let lower = max(0, Int((Double(pairs) / 2 - reach).rounded(.down)))
    let upper = min(pairs - 1, Int((Double(pairs) / 2 + reach).rounded(.up)))
    var parts: [String: Double] = [:]
    for (part, seconds) in times.parts { parts[part.rawValue] = seconds / Double(recorded.count) }
    let writing = times.writing.reduce(0, +) / Double(times.writing.count)
    parts[StepPart.recording.rawValue, default: 0] += writing
    return BenchmarkResult(
      program: run.manifest.machine.program, processor: run.manifest.machine.cpu,
      kernels: run.manifest.machine.blas, threads: team.threadCount,
      architecture: run.manifest.architecture, parameters: parameters,
      tokensPerStep: run.training.batch.tokensPerStep, steps: recorded.count,
      stepSeconds: [quantile(0.25, ofSorted: recorded), median, quantile(0.75, ofSorted: recorded)],
      tokensPerSecond: Double(run.training.batch.tokensPerStep) / median, partSeconds: parts,
      stepOperations: run.operationsPerStep,
      productFormat: run.model.hasNativeProducts ? "bfloat16" : "float32", productRate: rate,
      floorShare: run.operationsPerStep / rate / median,
      recordingSeconds: quantile(0.5, ofSorted: differences),
      recordingInterval: [differences[lower], differences[upper]],
      recordingPairs: pairs, writingSeconds: writing, peakBytes: Machine.peakBytes)
  }

  private var productRate: Double {
    run.model.hasNativeProducts ? productRate(of: BFloat16.self) : productRate(of: Float.self)
  }

  private func productRate<Scalar: FactorScalar>(of scalar: Scalar.Type) -> Double {
    let batch = run.training.batch
    return MatrixLibrary.productRate(
      of: scalar, rows: batch.batchSize * batch.sequenceLength, inner: run.model.modelDim,
      width: run.model.ffnDim, team: team, seconds: 0.5)
  }
}
