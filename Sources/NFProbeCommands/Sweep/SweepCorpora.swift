import ArgumentParser
import Corpus

/// Turns the options of cells into planned runs; each corpus is opened once.
final class SweepCorpora {
  private let machine: MachineOptions
  private var opened: [String: CorpusSplit] = [:]

  init(machine: MachineOptions) { self.machine = machine }

  /// One run of a cell, and the corpus that it reads.
  ///
  /// - Parameter steps: updates; nil for what the options say.
  func plan(_ words: [String], label: String, seed: UInt64, steps: Int? = nil) throws -> (
    run: PlannedRun, corpus: CorpusSplit
  ) {
    let command = try parse(words + (steps.map { ["--steps=\($0)"] } ?? []), label: label)
    let options = command.options
    guard command.checkpoints.fromCheckpoint == nil else {
      throw CommandError.usage(
        "a sweep starts every run from random weights, not from a checkpoint (\(label))")
    }
    let request = options.request(threadCount: machine.threadCount)
    let key = [
      options.corpus.corpus, options.corpus.validation, options.corpus.holdOut.map { "\($0)" },
      options.model.vocabSize.map { "\($0)" }, "\(options.model.languageVocabulary)",
    ].map { $0 ?? "-" }.joined(separator: "\u{0}")
    let corpus = try opened[key] ?? request.openCorpus()
    opened[key] = corpus
    do {
      return (try request.plan(command.architecture ?? .normFormer, seed: seed, corpus: corpus), corpus)
    } catch let error as CommandError {
      throw CommandError(description: "\(label): \(error)", exitStatus: error.exitStatus)
    }
  }

  /// Held-out text is what a sweep compares on: without any, a tenth of the corpus is held out.
  private func parse(_ words: [String], label: String) throws -> TrainCommand {
    let hasHeldOut = words.contains { $0.hasPrefix("--hold-out=") || $0.hasPrefix("--validation=") }
    do {
      return try TrainCommand.parse((hasHeldOut ? [] : ["--hold-out=0.1"]) + words)
    } catch {
      throw CommandError.usage("\(label): \(TrainCommand.message(for: error))")
    }
  }
}
