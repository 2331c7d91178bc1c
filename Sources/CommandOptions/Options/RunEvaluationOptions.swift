import ArgumentParser
import Experiments

extension EvaluationTimes: ExpressibleByArgument {
  /// Reads a setting's text.
  public init?(argument: String) { self.init(setting: argument) }
}

extension EvaluatedTasks: ExpressibleByArgument {
  /// Reads a setting's text.
  public init?(argument: String) { self.init(setting: argument) }
}

/// On what runs are evaluated while they train, and when.
package struct RunEvaluationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Evaluate the model after every n-th update and the last one (every:n), or after the last one alone (end). (default: end, "
        + "where there is something to evaluate on)", valueName: "every:n"))
  package var evaluate: EvaluationTimes?

  @Option(
    help: ArgumentHelp(
      "Texts to evaluate on, with commas between them: UTF-8, read as bytes, or token files, each with the text that it was "
        + "made of behind a sign (test.bin=test.txt). (default with --evaluate: the held-out part of the corpus)",
      valueName: "files"))
  package var evaluateText: String?

  @Option(
    help: ArgumentHelp(
      "Tasks to evaluate on, as of `nf-probe evaluate --task`, with commas between them.",
      valueName: "format=file"))
  package var evaluateTask: EvaluatedTasks?

  @Option(
    help: ArgumentHelp(
      "Tokens that the model sees at most when it is evaluated. (default: --sequence)", valueName: "n"))
  package var evaluateContext: Int?

  @Option(
    help: ArgumentHelp(
      "Tokens from one window of such a text to the next. (default: --evaluate-context)", valueName: "n"))
  package var evaluateStride: Int?

  package init() {}

  package func validate() throws {
    guard evaluateText == nil || texts != nil else {
      throw ValidationError(
        "--evaluate-text \(evaluateText ?? "") is no list of files; a token file and its text are given as TOKENS=TEXT"
      )
    }
    try asUsage(settings.validate)
  }

  private var texts: [EvaluatedText]? { evaluateText.flatMap { [EvaluatedText](setting: $0) } }

  /// The settings.
  package var settings: EvaluationSettings {
    var settings = EvaluationSettings()
    settings.evaluate = evaluate
    settings.texts = texts
    settings.tasks = evaluateTask
    settings.context = evaluateContext
    settings.stride = evaluateStride
    return settings
  }
}
