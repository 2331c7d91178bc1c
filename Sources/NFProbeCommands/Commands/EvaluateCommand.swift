import Analysis
import ArgumentParser
import Charts
import Documents
import Evaluation
import Kernels

/// `nf-probe evaluate`: what models are worth on held-out text.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluate checkpoints on held-out text.",
    discussion: """
      The loss on a text, in nats, in bits and as a perplexity, by token, word and byte, with intervals; several \
      checkpoints side by side, with paired differences. The text is put to a model in blocks, or with --stride in \
      windows that overlap. Checkpoints are those that grads --from-checkpoint takes: fairseq's, our own, and folders of \
      Transformers' with their config.json.

      Examples:
        nf-probe evaluate model.safetensors --text held-out.txt
        nf-probe evaluate pre-ln.safetensors normformer.safetensors --text wiki.test.txt --stride 32
        nf-probe evaluate gpt2 --text test.bin --original test.txt --stride 512 --svg context.svg
      """)

  @Argument(help: ArgumentHelp("Checkpoints of language models.", valueName: "checkpoint"))
  var checkpoints: [String]

  @OptionGroup(title: "Text") var text: HeldOutTextOptions

  @Option(help: "How the tables are printed.")
  var format: TableFormat = .table

  @Option(help: ArgumentHelp("Also write a figure here, and its points beside it.", valueName: "file"))
  var svg: String?

  @OptionGroup(title: "Model") var model: EvaluatedModelOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    guard Set(checkpoints).count == checkpoints.count else {
      throw ValidationError("a checkpoint is named twice")
    }
    guard !text.tokenLosses || output.out != nil else {
      throw ValidationError("--token-losses writes into a folder: give --out DIR")
    }
  }

  func run() throws {
    let console = Console(isQuiet: output.quiet)
    StopSignal.watch()
    let opened = try EvaluatedCheckpoint.open(checkpoints, model, console)
    let folder = output.out == nil ? nil : try OutputFolder(output, command: "evaluate")
    let evaluation = TextEvaluation(
      options: text, checkpoints: opened, console: console, team: Team(threadCount: machine.threadCount))
    let report = try evaluation.report()
    console.print([report.table, report.differenceTable].compactMap(\.self), as: format)
    let figure = report.contextFigure(program: FigureFile.program, command: FigureFile.command)
    if let svg { try FigureFile.write(figure, to: svg) }
    guard let folder else { return }
    let tables: [(name: String, table: Table?)] = [
      ("text", report.table), ("differences", report.differenceTable), ("samples", report.sampleTable),
      ("tokens", text.tokenLosses ? report.tokenTable : nil),
    ]
    for (name, table) in tables {
      guard let table else { continue }
      try OutputFolder.write(table.rendered(as: .csv), to: folder.file("\(name).csv"))
    }
    try FigureFile.write(figure, to: folder.file("context.svg"))
    console.progress("written to \(folder.path)")
  }
}
