import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Documents
import Experiments

/// `nf-probe init`: gradients and hidden states before the first update, against theory.
struct InitCommand: ParsableCommand, ViewOptions {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Measure gradients at initialisation over depth, and compare them with theory.",
    discussion: """
      Builds each architecture at several depths with several seeds, passes some batches without an update, and reads \
      the gradient of the last layer against depth, each layer's expected gradient, and the growth of the residual \
      stream: what Xiong et al. (2020) derive for Post-LN and Pre-LN.

      Their setting is one head, uniform attention, square FFN weights N(0, 1/d): \
      --init xiong --heads 1 --ffn-dim DIM. Without it, models start as training starts them.

      Examples:
        nf-probe init
        nf-probe init --init xiong --heads 1 --dim 64 --ffn-dim 64
        nf-probe init --depths 6,12,24 --seeds 5 --out start
      """)

  @Option(help: "Architectures to measure, separated by commas.")
  var architectures = List(StartConfiguration().architectures)

  @Option(help: "Numbers of layers, separated by commas.")
  var depths = List(StartConfiguration().depths)

  @Option(help: "Models of each kind, with seeds from --seed on.")
  var seeds = StartConfiguration().seeds

  @Option(help: "Seed of the first model's initial values and batches.")
  var seed = StartConfiguration().seed

  @Option(help: "Batches that the mean gradient runs over.")
  var batches = StartConfiguration().batches

  @Option(help: "Positions of a sequence.")
  var sequence = StartConfiguration().sequence

  @Option(help: "Sequences of a batch.")
  var batch = StartConfiguration().batch

  @Option(help: "The table that is printed: theory (a row an architecture) or layers.")
  var table: StartTable = .theory

  @Option(help: "How the table is printed.")
  var format: TableFormat = .table

  @Option(help: ArgumentHelp("Also write a figure here, and its points beside it.", valueName: "file"))
  var svg: String?

  @Option(help: "The figure of --svg: depth, layers or stream.")
  var figure: StartFigure = .depth

  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Corpus") var corpus: CorpusOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    try asUsage(settings.validate)
    guard svg == nil || figure != .depth || depths.elements.count > 1 else {
      throw ValidationError("--figure depth needs two depths or more")
    }
  }

  func run() throws {
    let console = Console(isQuiet: output.quiet)
    let report = try StartExperiment(
      settings, threadCount: machine.threadCount, host: ProgramHost(console: console)
    )
    .measureToEnd()
    let presenter = Presenter(self, console)
    let result = StartPresentation(
      report, table: table, figure: figure, program: FigureFile.program, command: FigureFile.command)
    // Measured for minutes perhaps: shown whatever becomes of the folder.
    try presenter.show(result)
    if let folder = try OutputFolder.asked(output, command: "init") {
      try presenter.write(result, into: folder)
    }
  }

  /// The settings.
  var settings: StartConfiguration {
    var settings = StartConfiguration()
    settings.architectures = architectures.elements
    settings.depths = depths.elements
    settings.seeds = seeds
    settings.seed = seed
    settings.batches = batches
    settings.sequence = sequence
    settings.batch = batch
    settings.model = model.settings
    settings.corpus = corpus.settings
    return settings
  }
}

extension StartTable: ExpressibleByArgument {}
extension StartFigure: ExpressibleByArgument {}

extension StartExperiment {
  /// Measures everything.
  /// - Throws: `ExitCode` where somebody stopped it.
  func measureToEnd() throws -> StartReport {
    guard let report = try measure() else { throw ExitCode(StopSignal.exitStatus) }
    return report
  }
}
