import Architecture
import Checkpoints
import Checksums
import Corpus
import Evaluation
import RunData
import Transformer

/// What a run is evaluated on while it trains, opened and checked against its model.
struct RunEvaluation {
  /// The texts and tasks.
  let set: EvaluationSet
  /// What their numbers are divided by.
  let layouts: [EvaluationLayout]
  /// SHA-256 of all their files, one after the other.
  let digest: String

  /// Tokens of a corpus's held-out part that are read where no text is named.
  private static let heldOutTokens = 1 << 16

  /// Opens what the settings name; without files, the corpus's held-out part.
  ///
  /// - Parameter sequence: positions of a training sequence, which the model sees at most.
  /// - Throws: ``ExperimentError``, `EvaluationError`, `CorpusError` or `FileAccessError`, where a file cannot be used for this model.
  init(_ settings: EvaluationSettings, model: ModelConfiguration, sequence: Int, corpus: CorpusSplit) throws {
    guard model.objective == .causal else {
      throw ExperimentError.refused(
        "\(setting: "evaluate") is of language models; one that fills in masked tokens has no head that predicts the next one"
      )
    }
    let context = settings.context ?? sequence
    guard context <= sequence else {
      throw ExperimentError.refused(
        "\(setting: "evaluate-context") \(context) is longer than the sequences of \(sequence) that the model is trained on"
      )
    }
    let stride = settings.stride ?? context
    guard stride <= context else {
      throw ExperimentError.refused(
        "\(setting: "evaluate-stride") \(stride) above the context of \(context) would leave tokens out")
    }
    let files = RunEvaluationFiles(vocabularySize: model.vocabularySize)
    let question = TextQuestion(windows: ContextWindows(context: context, stride: stride))
    var parts = try (settings.texts ?? []).map { try EvaluationSet.Part(files.text($0), question) }
    parts += try (settings.tasks?.entries ?? []).map {
      try EvaluationSet.Part(files.task($0), limit: context)
    }
    if parts.isEmpty { parts = [try EvaluationSet.Part(Self.heldOut(corpus), question)] }
    Self.tellApart(
      &parts, paths: (settings.texts ?? []).map(\.path) + (settings.tasks?.entries ?? []).map(\.path))
    set = EvaluationSet(parts)
    layouts = parts.map {
      EvaluationLayout(
        name: $0.name, tokenCount: $0.tokenCount, wordCount: $0.wordCount, byteCount: $0.byteCount,
        exampleCount: $0.exampleCount)
    }
    digest = settings.paths.isEmpty ? "" : try SHA256.hexDigest(ofFiles: settings.paths)
  }

  private static func heldOut(_ corpus: CorpusSplit) throws -> HeldOutText {
    guard let source = corpus.validation else {
      throw ExperimentError.refused(
        "\(setting: "evaluate"): there is nothing to evaluate on; name \(setting: "evaluate-text") or \(setting: "evaluate-task"), or "
          + "hold a part of the corpus out (\(setting: "hold-out") or \(setting: "validation"))")
    }
    return try HeldOutText(source, range: 0..<min(source.tokenCount, heldOutTokens))
  }

  /// Gives parts of one name their paths beside it.
  private static func tellApart(_ parts: inout [EvaluationSet.Part], paths: [String]) {
    let names = parts.map(\.name)
    for (index, path) in paths.enumerated() where names.count(where: { $0 == names[index] }) > 1 {
      parts[index].name = "\(names[index]) (\(path))"
    }
  }

  /// Bytes that evaluating takes besides training.
  func memoryBytes(_ model: ModelConfiguration) -> Double {
    model.evaluationBytes(shape: Evaluator.shape(of: set.sizes))
  }

  /// Evaluates a model in training whenever it is called; nothing of the training changes.
  func measurement(of model: Model<Float>) -> (_ updates: Int) -> EvaluationRecord {
    let own = Model(
      sharingParametersOf: model, shape: Evaluator.shape(of: set.sizes), hasBackward: false)
    let evaluator = Evaluator(own)
    return { updates in
      let scores = evaluator.scores(of: set)
      return EvaluationRecord(
        step: updates, losses: scores.map(\.loss), accuracies: scores.map(\.accuracy))
    }
  }
}

/// Reads texts and tasks as a model of some vocabulary can take them.
private struct RunEvaluationFiles {
  let vocabularySize: Int

  private var readsBytes: Bool { vocabularySize <= DecoderCheckpoint.largestByteVocabulary }

  func text(_ entry: EvaluatedText) throws -> HeldOutText {
    let name: SettingMessage = "\(setting: "evaluate-text") \(entry.path)"
    let text: HeldOutText
    if try TokenFile.format(ofFileAt: entry.path) == .text {
      guard entry.original == nil else {
        throw ExperimentError.refused("\(name) is text itself; what it was made of is of token files")
      }
      guard readsBytes else {
        throw ExperimentError.refused(Self.isText(name, vocabularySize, tool: "tokenize"))
      }
      text = try HeldOutText(textFile: entry.path, documents: .whole)
    } else {
      text = try HeldOutText(tokenFile: entry.path, original: entry.original, separator: nil)
    }
    guard let token = text.tokens.first(where: { $0 >= vocabularySize }) else { return text }
    throw ExperimentError.failed("\(name) \(Self.isForeign(token, vocabularySize))")
  }

  func task(_ entry: EvaluatedTasks.Entry) throws -> TaskSet<[Int32]> {
    let name: SettingMessage = "\(setting: "evaluate-task") \(entry.path)"
    let tokens: TaskSet<[Int32]>
    switch try content(entry, name) {
    case .tokens(let set, _): tokens = set
    case .prompts(let set):
      guard readsBytes else {
        throw ExperimentError.refused(Self.isText(name, vocabularySize, tool: "tasks"))
      }
      tokens = set.bytes
    }
    let ids = tokens.examples.lazy.flatMap { example in
      example.choices.flatMap { $0.context + $0.completion } + example.unconditional
    }
    guard let token = ids.first(where: { $0 >= vocabularySize }) else { return tokens }
    throw ExperimentError.failed("\(name) \(Self.isForeign(token, vocabularySize))")
  }

  private func content(_ entry: EvaluatedTasks.Entry, _ name: SettingMessage) throws -> TaskFile.Content {
    guard let format = entry.format else {
      guard try TaskFile.isOne(entry.path) else {
        throw ExperimentError.refused(
          "\(name) does not say which task it is; put the format in front, e.g. hellaswag=\(entry.path)")
      }
      return try TaskFile.read(entry.path)
    }
    var task = try TaskReader(format, path: entry.path, labels: entry.labels).read()
    if format == .multipleChoice { task.name = TaskFile.stem(of: entry.path) }
    return .prompts(task)
  }

  private static func isForeign(_ token: Int32, _ size: Int) -> String {
    "has the token \(token), and the model's ids end at \(size - 1): it is trained on other tokens"
  }

  private static func isText(_ name: SettingMessage, _ size: Int, tool: String) -> SettingMessage {
    "\(name) is text, which is read byte by byte, and the model has a vocabulary of \(size); make its tokens of it "
      + "(python -m nf_probe.\(tool)) and name those"
  }
}
