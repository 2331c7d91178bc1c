import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Documents
import Evaluation
import Kernels

/// `nf-probe evaluate`: what models are worth on held-out text and on tasks.
struct EvaluateCommand: ParsableCommand, ViewOptions {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluate checkpoints on held-out text and on tasks.",
    discussion: """
      The loss on a text, in nats, in bits and as a perplexity, by token, word and byte, with intervals; several \
      checkpoints side by side, with paired differences. The text is put to a model in blocks, or with --stride in \
      windows that overlap. With --task the accuracy on a task's file as it is distributed, prompted and scored as in \
      Brown et al. (2020). Checkpoints are those that grads --from-checkpoint takes: fairseq's, our own, and folders of \
      Transformers' with their config.json.

      Examples:
        nf-probe evaluate model.safetensors --text held-out.txt
        nf-probe evaluate pre-ln.safetensors normformer.safetensors --text wiki.test.txt --stride 32
        nf-probe evaluate gpt2 --text test.bin --original test.txt --stride 512 --svg context.svg
        nf-probe evaluate a.safetensors b.safetensors --task hellaswag=val.jsonl --task piqa=valid.jsonl,valid-labels.lst
      """)

  @Argument(help: ArgumentHelp("Checkpoints of language models.", valueName: "checkpoint"))
  var checkpoints: [String] = []

  @OptionGroup(title: "Text") var text: HeldOutTextOptions
  @OptionGroup(title: "Tasks") var task: TaskOptions

  @Option(help: "How the tables are printed.")
  var format: TableFormat = .table

  @Option(help: ArgumentHelp("Also write a figure here, and its points beside it.", valueName: "file"))
  var svg: String?

  @OptionGroup(title: "Model") var model: EvaluatedModelOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    guard !checkpoints.isEmpty || task.prompts != nil else {
      throw ValidationError("name a checkpoint or several")
    }
    guard Set(checkpoints).count == checkpoints.count else {
      throw ValidationError("a checkpoint is named twice")
    }
    guard !text.tokenLosses || output.out != nil else {
      throw ValidationError("--token-losses writes into a folder: give --out DIR")
    }
    guard text.text == nil || task.tasks.isEmpty || svg == nil else {
      throw ValidationError("--svg is of the text or of the tasks; with both, give --out DIR")
    }
  }

  func run() throws {
    let console = Console(isQuiet: output.quiet)
    if let prompts = task.prompts { return try writePrompts(to: prompts, console) }
    StopSignal.watch()
    let opened = try EvaluatedCheckpoint.open(checkpoints, model, console)
    let folder = output.out == nil ? nil : try OutputFolder(output, command: "evaluate")
    let team = Team(threadCount: machine.threadCount)
    var result = EvaluationPresentation()
    if text.text != nil || task.tasks.isEmpty {
      let evaluation = TextEvaluation(options: text, checkpoints: opened, console: console, team: team)
      result.add(try evaluation.report(), hasTokens: text.tokenLosses)
    }
    if !task.tasks.isEmpty {
      let evaluation = TaskEvaluation(
        options: task, text: text, checkpoints: opened, console: console, team: team)
      result.add(try evaluation.report())
    }
    try Presenter(self, console).present(result, into: folder)
  }

  private func writePrompts(to path: String, _ console: Console) throws {
    guard case .prompts(let prompts) = try TaskEvaluation.read(task.tasks[0], task) else {
      throw CommandError.usage("--prompts: \(task.tasks[0].path) holds tokens, not prompts")
    }
    try OutputFolder.write(TaskFile.text(of: prompts), to: path)
    console.progress("\(prompts.examples.count) prompts of \(prompts.name) written to \(path)")
  }
}
