import ArgumentParser
import Checkpoints
import CommandOptions
import Corpus
import Evaluation
import Experiments
import Kernels
import Text

/// Evaluates checkpoints on a held-out text.
package struct TextEvaluation {
  package let options: HeldOutTextOptions
  package let checkpoints: [EvaluatedCheckpoint]
  package let console: Console
  package let team: Team

  package init(options: HeldOutTextOptions, checkpoints: [EvaluatedCheckpoint], console: Console, team: Team)
  {
    self.options = options
    self.checkpoints = checkpoints
    self.console = console
    self.team = team
  }

  /// Tokens of the built-in language that are read where no text is given.
  private static let languageTokens = 1 << 16

  package func report() throws -> TextReport {
    let question = try question()
    let (text, entropyRate) = try text()
    let sizes = question.sizes(over: text)
    guard !sizes.isEmpty else {
      throw EvaluationError(text.name, "has no document of two tokens or more: there is nothing to predict")
    }
    let entries = try checkpoints.map { checkpoint in
      console.progress("\(checkpoint.name): \(text.tokens.count) tokens of \(text.name)")
      let evaluator = try checkpoint.evaluator(sizes: sizes, team: team)
      let started = ContinuousClock.now
      let losses = try evaluator.losses(of: text, question) { _ in
        guard !StopSignal.isRequested else { throw ExitCode(StopSignal.exitStatus) }
      }
      let seconds = started.duration(to: .now) / .seconds(1)
      console.progress(
        "\(checkpoint.name): \(rounded(Double(sizes.reduce(0) { $0 + $1.rows }) / seconds, 0)) tokens a second"
      )
      return TextReport.Entry(name: checkpoint.name, losses: losses)
    }
    return TextReport(of: entries, on: text, question, entropyRate: entropyRate)
  }

  private func question() throws -> TextQuestion {
    let stated = checkpoints.map(\.checkpoint.statedContext)
    let usual = stated.compactMap(\.self).min().map { min($0, HeldOutTextOptions.usualContext) }
    guard let context = options.context ?? usual else {
      throw CommandError.usage(
        "\(checkpoints[0].path) does not tell how long the sequences were that it was trained on; give --context"
      )
    }
    for checkpoint in checkpoints { try checkpoint.check(context: context) }
    let stride = options.stride ?? context
    guard stride <= context else {
      throw CommandError.usage("--stride \(stride) above the context of \(context) would leave tokens out")
    }
    for (option, token) in [("--start-token", options.startToken), ("--separator", options.separator)] {
      guard let token, Int(token) >= vocabularySize else { continue }
      throw CommandError.usage(
        "\(option) \(token) is no token of \(narrowest.path), whose ids end at \(vocabularySize - 1)")
    }
    return TextQuestion(
      windows: ContextWindows(context: context, stride: stride), separatesDocuments: options.separate,
      startToken: options.startToken)
  }

  /// The checkpoint with the smallest vocabulary: all tokens must be in it.
  private var narrowest: EvaluatedCheckpoint {
    checkpoints.dropFirst().reduce(checkpoints[0]) { $1.vocabularySize < $0.vocabularySize ? $1 : $0 }
  }

  private var vocabularySize: Int { narrowest.vocabularySize }

  private func text() throws -> (HeldOutText, entropyRate: Double?) {
    guard let path = options.text else { return try builtInLanguage() }
    for checkpoint in checkpoints {
      try checkpoint.checkpoint.checkVocabulary(ofText: path, setting: "text")
    }
    let text = try text(of: path)
    if let position = text.tokens.firstIndex(where: { $0 >= vocabularySize }) {
      throw CommandError.failed(
        "\(path): token \(position) (counted from 0) has id \(text.tokens[position]), but the ids of \(narrowest.path) end at "
          + "\(vocabularySize - 1): it was trained on other tokens")
    }
    return (text, nil)
  }

  private func text(of path: String) throws -> HeldOutText {
    if try TokenFile.format(ofFileAt: path) == .text {
      guard options.original == nil, options.separator == nil else {
        throw CommandError.usage("--original and --separator are of token files, and \(path) is text")
      }
      return try HeldOutText(textFile: path, documents: options.documents)
    }
    guard options.documents == .auto || options.documents == .whole else {
      throw CommandError.usage(
        "--documents \(options.documents.rawValue) is of text, and \(path) holds tokens; --separator names the one that ends a document"
      )
    }
    return try HeldOutText(tokenFile: path, original: options.original, separator: options.separator)
  }

  private func builtInLanguage() throws -> (HeldOutText, entropyRate: Double?) {
    guard !checkpoints.contains(where: \.checkpoint.isForeign) else {
      throw CommandError.usage(
        "give --text FILE: the built-in language is of models that were trained on it here")
    }
    let corpus = try CorpusSplit(
      CorpusRequest(text: .builtIn(vocabularySize: vocabularySize, seed: 0), validation: .lastFraction(0.1)))
    guard let heldOut = corpus.validation else {
      throw CommandError.failed("the built-in language has no held-out part")
    }
    console.progress(
      "no --text: the held-out part of the built-in language, which means something for models trained on it")
    return (try HeldOutText(heldOut, range: 0..<Self.languageTokens), corpus.languageEntropy?.rate)
  }
}
