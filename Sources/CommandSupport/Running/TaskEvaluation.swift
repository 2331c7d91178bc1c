import ArgumentParser
import Checkpoints
import CommandOptions
import Evaluation
import Experiments
import Kernels
import Text

/// Evaluates checkpoints on tasks.
package struct TaskEvaluation {
  package let options: TaskOptions
  package let text: HeldOutTextOptions
  package let checkpoints: [EvaluatedCheckpoint]
  package let console: Console
  package let team: Team

  package init(
    options: TaskOptions, text: HeldOutTextOptions, checkpoints: [EvaluatedCheckpoint], console: Console,
    team: Team
  ) {
    self.options = options
    self.text = text
    self.checkpoints = checkpoints
    self.console = console
    self.team = team
  }

  package func report() throws -> TaskReport {
    let tasks = named(try options.tasks.map { try Self.read($0, options) })
    let sets = try zip(options.tasks, tasks).map { try tokens(of: $1, path: $0.path) }
    let questions = try sets.map {
      try TaskQuestion($0, startToken: text.startToken, limit: limit(), truncates: options.truncate)
    }
    let sizes = questions.flatMap(\.sizes)
    var scores: [[TaskScores]] = Array(repeating: [], count: sets.count)
    for checkpoint in checkpoints {
      let evaluator = try checkpoint.evaluator(sizes: sizes, team: team)
      warnOfLength(checkpoint, sizes.map(\.longest).max() ?? 0)
      for (index, question) in questions.enumerated() {
        let examples =
          "\(checkpoint.name): \(counted(sets[index].examples.count, "example")) of \(sets[index].name)"
        console.progress(examples)
        let started = ContinuousClock.now
        scores[index].append(
          try evaluator.scores(question) { _ in
            guard !StopSignal.isRequested else { throw ExitCode(StopSignal.exitStatus) }
          })
        console.progress("\(examples) in \(rounded(started.duration(to: .now) / .seconds(1), 2)) s")
      }
    }
    return TaskReport(
      checkpoints: checkpoints.map(\.name), entries: zip(sets, scores).map { TaskReport.Entry($0, $1) },
      scoring: options.scoring)
  }

  // MARK: - Files

  /// The examples of a file, as text where it is one.
  package static func read(_ argument: TaskArgument, _ options: TaskOptions) throws -> TaskFile.Content {
    guard let format = argument.format else {
      guard try TaskFile.isOne(argument.path) else {
        throw CommandError.usage(
          "--task \(argument.path) does not say which task it is; put the format in front, e.g. hellaswag=\(argument.path)"
        )
      }
      guard options.shots == 0, argument.labels == nil else {
        throw CommandError.usage(
          "\(argument.path) holds prompts as they are; give --shots and labels when it is made")
      }
      return try TaskFile.read(argument.path)
    }
    var task = try TaskReader(format, path: argument.path, labels: argument.labels).read()
    if format == .multipleChoice { task.name = TaskFile.stem(of: argument.path) }
    let pool = try options.shotsFrom.map { word in
      guard let source = TaskArgument(argument: word), source.unknownFormat == nil,
        source.format ?? format == format
      else {
        throw CommandError.usage("--shots-from \(word) is no file of \(format.rawValue)")
      }
      return try TaskReader(format, path: source.path, labels: source.labels).read()
    }
    return .prompts(try task.withShots(options.shots, from: pool, seed: options.shotsSeed))
  }

  /// The same with names that tell them apart.
  private func named(_ contents: [TaskFile.Content]) -> [TaskFile.Content] {
    let names = contents.map(\.name)
    return zip(contents, options.tasks).map { content, argument in
      names.filter { $0 == content.name }.count > 1
        ? content.renamed("\(content.name) (\(argument.path))") : content
    }
  }

  /// The examples as the models read them: as they are where a tokenizer made them, else byte by byte.
  private func tokens(of content: TaskFile.Content, path: String) throws -> TaskSet<[Int32]> {
    switch content {
    case .tokens(let set, let size):
      for checkpoint in checkpoints where size > checkpoint.vocabularySize {
        throw CommandError.failed(
          "\(path) was made with a tokenizer of \(size) tokens, but \(checkpoint.path) has \(checkpoint.vocabularySize): it was "
            + "trained on others")
      }
      return try checked(set, path)
    case .prompts(let set):
      for checkpoint in checkpoints where checkpoint.vocabularySize > DecoderCheckpoint.largestByteVocabulary
      {
        throw CommandError.usage(
          "\(path) is text, which is read byte by byte, but \(checkpoint.path) has a vocabulary of \(checkpoint.vocabularySize); "
            + "make the model's tokens of it: python -m nf_probe.tasks \(set.format.rawValue)=\(path) --tokenizer tokenizer.json "
            + "--out tokens.jsonl, and give --task tokens.jsonl")
      }
      return try checked(set.bytes, path)
    }
  }

  private func checked(_ set: TaskSet<[Int32]>, _ path: String) throws -> TaskSet<[Int32]> {
    let narrowest = checkpoints.map(\.vocabularySize).min() ?? 0
    for example in set.examples {
      let tokens = example.choices.flatMap { $0.context + $0.completion } + example.unconditional
      guard let token = tokens.first(where: { $0 >= narrowest }) else { continue }
      throw CommandError.failed(
        "\(path), example \(example.id): has the token \(token), but the ids of a checkpoint here end at \(narrowest - 1): it was "
          + "trained on other tokens")
    }
    return set
  }

  // MARK: - Lengths

  /// Tokens that all models can take.
  private func limit() throws -> Int? {
    for checkpoint in checkpoints { if let context = text.context { try checkpoint.check(context: context) } }
    return (checkpoints.compactMap(\.positionLimit) + [text.context].compactMap(\.self)).min()
  }

  private func warnOfLength(_ checkpoint: EvaluatedCheckpoint, _ longest: Int) {
    guard let stated = checkpoint.checkpoint.statedContext, longest > stated else { return }
    console.warn(
      "\(checkpoint.name) was made for \(stated) tokens at a time, and the longest example has \(longest); --context and --truncate keep "
        + "to what it knows")
  }
}

extension TaskFile.Content {
  package var name: String {
    switch self {
    case .prompts(let set): set.name
    case .tokens(let set, _): set.name
    }
  }

  package func renamed(_ name: String) -> Self {
    switch self {
    case .prompts(var set):
      set.name = name
      return .prompts(set)
    case .tokens(var set, let size):
      set.name = name
      return .tokens(set, vocabularySize: size)
    }
  }
}
