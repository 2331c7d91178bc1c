import Analysis
import Architecture
import ArgumentParser
import Charts
import Corpus
import Documents
import Experiments
import Kernels
import RunData
import Text
import Training
import Transformer

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

  /// The tables.
  enum StartTable: String, ExpressibleByArgument, CaseIterable {
    case theory, layers
  }

  /// The figures.
  enum StartFigure: String, ExpressibleByArgument, CaseIterable {
    case depth, layers, stream
  }

  @Option(help: "Architectures to measure, separated by commas.")
  var architectures = List(ArchitectureChoice.papers)

  @Option(help: "Numbers of layers, separated by commas.")
  var depths = List([6, 8, 10, 12, 14])

  @Option(help: "Models of each kind, with seeds from --seed on.")
  var seeds = 10

  @Option(help: "Seed of the first model's initial values and batches.")
  var seed: UInt64 = 0

  @Option(help: "Batches that the mean gradient runs over.")
  var batches = 8

  @Option(help: "Positions of a sequence.")
  var sequence = 64

  @Option(help: "Sequences of a batch.")
  var batch = 8

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
    for (name, value, most) in [
      ("--seeds", seeds, 1000), ("--batches", batches, 1 << 20), ("--sequence", sequence, 1 << 20),
      ("--batch", batch, 1 << 20),
    ] where !(1...most).contains(value) {
      throw ValidationError("\(name) must be between 1 and \(most), not \(value)")
    }
    guard depths.elements.allSatisfy({ (1...1024).contains($0) }),
      Set(depths.elements).count == depths.elements.count
    else { throw ValidationError("--depths takes different numbers of layers between 1 and 1024") }
    guard Set(architectures.elements).count == architectures.elements.count else {
      throw ValidationError("--architectures names one of them twice")
    }
    guard svg == nil || figure != .depth || depths.elements.count > 1 else {
      throw ValidationError("--figure depth needs two depths or more")
    }
    guard model.layers == nil else { throw ValidationError("--layers has no place here; give --depths") }
  }

  func run() throws {
    let console = Console(isQuiet: output.quiet)
    let report = try measure(console)
    try Presenter(self, console).present(presentation(of: report), into: .asked(output, command: "init"))
  }

  /// What is shown of a measurement.
  func presentation(of report: StartReport) -> StartPresentation {
    StartPresentation(report: report, table: table, drawnKind: figure)
  }

  // MARK: - Measurement

  private static let tensor = OperationChoice.usual
  private static let otherTensor = "fc1.weight"

  /// Builds every model and measures it.
  func measure(_ console: Console) throws -> StartReport {
    var configuration = RunConfiguration()
    configuration.model = model.settings
    configuration.corpus = corpus.settings
    configuration.training.sequence = sequence
    configuration.training.batch = batch
    let request = RunRequest(configuration, threadCount: machine.threadCount)
    let corpus = try request.openCorpus()
    let team = Team(threadCount: machine.threadCount)
    var entries: [StartReport.Entry] = []
    StopSignal.watch()
    for architecture in architectures.elements {
      for depth in depths.elements.sorted() {
        console.progress("\(architecture.name), \(depth) layers, \(counted(seeds, "seed"))")
        let states = try (0..<seeds).map { index in
          guard !StopSignal.isRequested else { throw ExitCode(StopSignal.exitStatus) }
          return try measure(architecture, depth, seed: seed &+ UInt64(index), request, corpus, team)
        }
        entries.append(StartReport.Entry(label: try label(of: architecture), depth: depth, states: states))
      }
    }
    let shape = try model.settings.configuration(
      of: .preLN, corpusVocabulary: corpus.facts.vocabularySize, sequenceLength: sequence)
    return StartReport(
      entries: entries, tensor: Self.tensor, otherTensor: Self.otherTensor, modelDim: shape.modelDim,
      batchCount: batches, seedCount: seeds,
      setting: "initial values \(shape.initialization.rawValue), \(counted(shape.headCount, "head")), width "
        + "\(shape.modelDim), FFN \(shape.ffnDim), \((shape.paperWiring?.activation ?? .gelu).rawValue.uppercased()), \(corpus.facts.name)"
    )
  }

  /// What theory speaks of has the architecture's plain name; with other additions it is named after them.
  private func label(of architecture: ArchitectureChoice) throws -> String {
    architectureTitle(
      architecture.label(
        of: try model.settings.configuration(of: architecture, corpusVocabulary: 2, sequenceLength: sequence))
    )
  }

  private func measure(
    _ architecture: ArchitectureChoice, _ depth: Int, seed: UInt64, _ request: RunRequest,
    _ corpus: CorpusSplit,
    _ team: Team
  ) throws -> StartState {
    var configuration = try model.settings.configuration(
      of: architecture, corpusVocabulary: corpus.facts.vocabularySize, sequenceLength: sequence)
    configuration.layerCount = depth
    do { try configuration.validate() } catch { throw CommandError.usage("--\(error)") }
    try request.checkMemory(configuration)
    let model = try Model<Float>(
      configuration, shape: PassShape(batchSize: batch, sequenceLength: sequence), team: team)
    model.initialize(seed: seed)
    let sampler = try BatchSampler(
      source: corpus.training, shape: BatchShape(batchSize: batch, sequenceLength: sequence),
      objective: configuration.objective, seed: seed)
    let state = try model.measureStart(
      sampler: sampler, batches: batches, tensors: [Self.tensor, Self.otherTensor])
    guard state.loss.isFinite else {
      throw CommandError.failed(
        "\(architecture.name) with \(depth) layers, seed \(seed): the loss at initialisation is not finite"
      )
    }
    return state
  }
}
