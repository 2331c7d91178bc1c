import FineTuning
import Foundation
import Kernels
import RunData
import RunFile
import Text
import Training

/// Fine-tunes checkpoints on tasks with every learning rate and seed of a grid.
package struct FineTuningGrid {
  private let requests: [FineTuningRequest]
  private let learningRates: [Double]
  private let seeds: [UInt64]
  private let folder: String
  private let host: any RunHost
  private let executor: RunExecutor

  /// - Parameters:
  ///   - requests: a checkpoint and a task each.
  ///   - folder: where the run files lie.
  ///   - replacing: whether files of other runs are replaced.
  ///   - resuming: whether runs that were begun go on, and those that are done stay as they are.
  ///   - keepsWeights: whether the fine-tuned weights are kept beside the run files.
  package init(
    _ requests: [FineTuningRequest], learningRates: [Double], seeds: [UInt64], folder: String, team: Team,
    host: any RunHost, replacing: Bool, resuming: Bool, keepsWeights: Bool
  ) {
    (self.requests, self.learningRates, self.seeds) = (requests, learningRates, seeds)
    (self.folder, self.host) = (folder, host)
    executor = RunExecutor(
      team: team, host: host, replacing: replacing, resuming: resuming, keeping: 1, keepsLast: keepsWeights)
  }

  private struct Run {
    let request: FineTuningRequest
    let learningRate: Double
    let plan: PlannedRun
    let file: String
  }

  /// Makes all runs. Seeds are the outer loop: after each, all learning rates and checkpoints can be compared.
  ///
  /// - Returns: the runs with their metrics; nil where somebody stopped it.
  package func run() throws -> [FineTunedRun]? {
    let runs = try seeds.flatMap { seed in
      try requests.flatMap { request in
        try learningRates.map { rate in
          Run(
            request: request, learningRate: rate, plan: try request.plan(learningRate: rate, seed: seed),
            file: "\(fileStem(request))-lr\(rate)-seed\(seed).h5")
        }
      }
    }
    host.expects(runCount: runs.count, stepsInAll: runs.reduce(0) { $0 + $1.plan.training.stepCount })
    defer { host.settle() }
    var done: [FineTunedRun] = []
    for (number, run) in runs.enumerated() {
      host.settle()
      host.note(
        "run \(number + 1) of \(runs.count): \(run.request.name), \(run.request.task.data.task.title), learning rate "
          + "\(run.learningRate), seed \(run.plan.manifest.seed)")
      let path = "\(folder)/\(run.file)"
      let goal = run.request.goal(seed: run.plan.manifest.seed)
      let end = try executor.execute(run.plan, goal: goal, path: path)
      guard end != .interrupted else { return nil }
      done.append(try result(of: run, path: path))
    }
    return done
  }

  private func result(of run: Run, path: String) throws -> FineTunedRun {
    let reader = try RunFileReader(path: path)
    return FineTunedRun(
      checkpoint: run.request.name, task: run.request.task.data.task, learningRate: run.learningRate,
      seed: run.plan.manifest.seed, stepsPerEpoch: run.request.stepsPerEpoch,
      validations: try reader.validationRecords(), isFinished: reader.status.value == .finished,
      file: run.file)
  }

  /// A checkpoint's name and the task's, as a file's.
  private func fileStem(_ request: FineTuningRequest) -> String {
    let names = requests.map(\.name).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let slugs = names.map(Self.slug)
    let place = names.firstIndex(of: request.name) ?? 0
    // Names that differ in marks alone are told apart by their numbers.
    let own = Set(slugs).count == slugs.count ? slugs[place] : "\(slugs[place])-\(place + 1)"
    return "\(own)-\(request.task.data.task.rawValue)"
  }

  private static func slug(_ name: String) -> String {
    let stem = name.hasSuffix(".safetensors") ? String(name.dropLast(12)) : name
    let words = stem.map { character in
      character.isASCII && (character.isLetter || character.isNumber || "._".contains(character))
        ? character : "-"
    }
    return String(String(words).split(separator: "-").joined(separator: "-").suffix(60))
  }
}
