import Corpus

/// Turns the settings of cells into planned runs; each corpus is opened once.
package final class SweepCorpora {
  private let threadCount: Int
  private var opened: [CorpusKey: CorpusSplit] = [:]

  /// What two cells that read the same have in common.
  private struct CorpusKey: Hashable {
    let corpus: String?
    let validation: String?
    let holdOut: Double?
    let vocabSize: Int?
    let languageVocabulary: Int
  }

  package init(threadCount: Int) { self.threadCount = threadCount }

  /// One run of a cell, and the corpus that it reads.
  ///
  /// - Parameter steps: updates; nil for what the settings say.
  func plan(_ settings: [Setting], label: String, seed: UInt64, steps: Int? = nil) throws -> (
    run: PlannedRun, corpus: CorpusSplit
  ) {
    var configuration = try configuration(settings, label: label)
    if let steps { configuration.schedule.steps = steps }
    guard configuration.fromCheckpoint == nil else {
      throw ExperimentError.refused(
        "a sweep starts every run from random weights, not from a checkpoint (\(label))")
    }
    guard configuration.updatesParameters else {
      throw ExperimentError.refused(
        "a sweep compares what runs have learned, and `update: false` learns nothing (\(label))")
    }
    let request = RunRequest(configuration, threadCount: threadCount)
    let key = CorpusKey(
      corpus: configuration.corpus.corpus, validation: configuration.corpus.validation,
      holdOut: configuration.corpus.holdOut, vocabSize: configuration.model.vocabSize,
      languageVocabulary: configuration.model.languageVocabulary)
    let corpus = try opened[key] ?? request.openCorpus()
    opened[key] = corpus
    do {
      return (try request.plan(architecture(configuration), seed: seed, corpus: corpus), corpus)
    } catch let error as ExperimentError {
      throw error.with(prefix: "\(label): ")
    }
  }

  /// Held-out text is what a sweep compares on: without any, a tenth of the corpus is held out.
  private func configuration(_ settings: [Setting], label: String) throws -> RunConfiguration {
    do {
      var configuration = try RunConfiguration(settings)
      if configuration.corpus.holdOut == nil, configuration.corpus.validation == nil {
        configuration.corpus.holdOut = 0.1
      }
      return configuration
    } catch { throw error.with(prefix: "\(label): ") }
  }

  private func architecture(_ configuration: RunConfiguration) throws -> ArchitectureChoice {
    let named = configuration.architecture ?? .normFormer
    guard let text = configuration.architectureText else { return named }
    return try ArchitectureChoice(name: named.name, text: text)
  }
}
