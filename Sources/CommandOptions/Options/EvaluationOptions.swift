import Architecture
import ArgumentParser
import Checkpoints
import Evaluation
import Experiments

extension DocumentRule: ExpressibleByArgument {}
extension TaskScoring: ExpressibleByArgument {}

/// What no tensor tells of the models that are evaluated.
package struct EvaluatedModelOptions: ParsableArguments {
  @Option(help: "Attention heads, where the files do not tell.")
  package var heads: Int?

  @Option(help: "What HeadScale multiplies, where the files do not tell: paper, fairseq or fairseq-2021.")
  package var headScalePlacement: HeadScalePlacement?

  @Option(help: ArgumentHelp("The wiring, where the files do not tell: a name or a file.", valueName: "name"))
  package var architecture: ArchitectureChoice?

  @Option(
    help: ArgumentHelp(
      "Names of tensors that no table knows: a YAML file of stored names and parameters.", valueName: "file"))
  package var names: String?

  package init() {}

  package func validate() throws {
    guard heads ?? 1 >= 1 else { throw ValidationError("--heads must be at least 1, not \(heads ?? 1)") }
  }

  package func hints() throws -> CheckpointHints {
    CheckpointHints(
      headCount: heads, headScalePlacement: headScalePlacement,
      architecture: try architecture?.description(), names: try names.map { try NamesFile(path: $0).read() })
  }
}

/// The text that models are evaluated on, and how it is put to them.
package struct HeldOutTextOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Held-out text: UTF-8, read as bytes, or a token file (.bin). (default: the built-in language)",
      valueName: "file"))
  package var text: String?

  @Option(
    help: ArgumentHelp(
      "The text that the tokens of --text were made of: its words and bytes are counted.", valueName: "file"))
  package var original: String?

  @Option(
    help: ArgumentHelp(
      "Tokens that a model sees at most. (default: what it was made for, up to 2048)", valueName: "n"))
  package var context: Int?

  @Option(
    help: ArgumentHelp(
      "Tokens from one window to the next; below --context they overlap, and each token has at least context - stride before it. "
        + "(default: --context)",
      valueName: "n"))
  package var stride: Int?

  @Option(help: "Where a document begins; intervals go over documents.")
  package var documents: DocumentRule = .auto

  @Option(help: ArgumentHelp("The token that ends a document of a token file.", valueName: "id"))
  package var separator: Int32?

  @Flag(help: "No context reaches from one document into the next.")
  package var separate = false

  @Option(
    help: ArgumentHelp(
      "A token put before the text, so that the first one is asked for, too; of tasks, before each context.",
      valueName: "id"))
  package var startToken: Int32?

  @Flag(help: "Also write the loss of every token into the folder of --out.")
  package var tokenLosses = false

  package init() {}

  /// The most tokens that a window has unless more are asked for.
  package static let usualContext = 2048

  package func validate() throws {
    for (name, value) in [("--context", context), ("--stride", stride)] {
      if let value, !(1...1 << 20).contains(value) {
        throw ValidationError("\(name) must be between 1 and \(1 << 20), not \(value)")
      }
    }
    if let context, let stride, stride > context {
      throw ValidationError("--stride \(stride) above --context \(context) would leave tokens out")
    }
    for (name, value) in [("--separator", separator), ("--start-token", startToken)] {
      if let value, value < 0 { throw ValidationError("\(name) must be a token's id, not \(value)") }
    }
    guard original == nil || text != nil else {
      throw ValidationError("--original is of a token file: give --text")
    }
  }
}

/// A task on the command line: `FORMAT=FILE`, `FORMAT=FILE,LABELS`, or one of our own files, which says itself what it is.
package struct TaskArgument: ExpressibleByArgument, Equatable {
  package let format: TaskFormat?
  package let path: String
  package let labels: String?
  /// What stands before the sign where it names no format.
  package let unknownFormat: String?

  package init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
      String.init)
    let files = (parts.last ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(files.count), !files.contains("") else { return nil }
    format = parts.count == 2 ? TaskFormat(rawValue: parts[0]) : nil
    unknownFormat = parts.count == 2 && format == nil ? parts[0] : nil
    (path, labels) = (files[0], files.count == 2 ? files[1] : nil)
  }
}

/// The tasks that models are evaluated on.
package struct TaskOptions: ParsableArguments {
  @Option(
    name: .customLong("task"),
    help: ArgumentHelp(
      "A task's file as it is distributed, with its format in front and labels that are apart behind: hellaswag, piqa, winogrande, "
        + "openbookqa, storycloze, lambada or multiple-choice; or a file of tokens that python -m nf_probe.tasks wrote. May be given "
        + "several times.",
      valueName: "format=file"))
  package var tasks: [TaskArgument] = []

  @Option(help: "How answers are compared. (default: as Brown et al. 2020 do in each task)")
  package var scoring: TaskScoring?

  @Option(help: ArgumentHelp("Examples with their answers that stand before each.", valueName: "k"))
  package var shots = 0

  @Option(
    help: ArgumentHelp(
      "The file that --shots are drawn from, e.g. the training split, with labels that are apart behind. (default: the "
        + "task's own file)", valueName: "file"))
  package var shotsFrom: String?

  @Option(help: "Seed of the draw of --shots.")
  package var shotsSeed: UInt64 = 0

  @Flag(help: "Leave out the beginning of contexts that are too long for a model.")
  package var truncate = false

  @Option(
    help: ArgumentHelp(
      "Only write the prompts of a task here, for python -m nf_probe.tasks; no checkpoint is needed.",
      valueName: "file"))
  package var prompts: String?

  package init() {}

  package func validate() throws {
    guard (0...1000).contains(shots) else {
      throw ValidationError("--shots must be between 0 and 1000, not \(shots)")
    }
    if let word = tasks.compactMap(\.unknownFormat).first {
      let known = TaskFormat.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--task: no format is called \(word); known are \(known)")
    }
    guard shotsFrom == nil || (shots > 0 && tasks.count == 1) else {
      throw ValidationError("--shots-from is of one --task with --shots")
    }
    guard prompts == nil || tasks.count == 1 else { throw ValidationError("--prompts is of one --task") }
    guard !tasks.isEmpty || (shots == 0 && scoring == nil && !truncate) else {
      throw ValidationError("--shots, --scoring and --truncate are of tasks: give --task FORMAT=FILE")
    }
  }
}
