import Analysis
import Architecture
import ArgumentParser
import CommandOptions
import CommandSupport
import Corpus
import Documents
import Experiments
import Kernels
import RunData
import RunFile
import RunReading
import Text
import Training
import Transformer

/// `nf-probe stability`: how high the learning rate can rise before training destabilises.
struct StabilityCommand: ParsableCommand, ViewOptions {
  static let configuration = CommandConfiguration(
    commandName: "stability",
    abstract: "Raise the learning rate until training destabilises.",
    discussion: """
      The learning rate rises by --lr-slope at every update, as in the paper's Table 4, until an operation's output leaves \
      the range of fp16 (above 65504; with --precision bf16 that of bf16) or the loss diverges. For each architecture: the \
      peak learning rate, the last step, and the operation and layer that failed. With run files: the same from them.

      Every operation's output is tested at every step, in the order of the forward pass, the attention logits q·k among \
      them (self_attn.logits). fp32 only tests; bf16 and fp16 also round, fp16 with a dynamic loss scale as in fairseq.

      Examples:
        nf-probe stability
        nf-probe stability --layers 6 --lr-slope 2e-4 --seeds 5 --svg stability.svg
        nf-probe stability --architectures normformer --no-scale-resids
        nf-probe stability --precision fp16 --loss-scale 4 --until divergence
        nf-probe stability --resume nf-probe-runs/stability-001
        nf-probe stability nf-probe-runs/stability-001/*.h5 --format markdown
      """)

  @Argument(
    help: ArgumentHelp(
      "Run files, and folders that hold some, to read instead of training.", valueName: "run.h5"))
  var files: [String] = []

  @Option(help: "Architectures to test, separated by commas.")
  var architectures = List(ArchitectureChoice.papers)

  @Option(help: "Runs of each architecture, with seeds from --seed on.")
  var seeds = 3

  @Option(help: ArgumentHelp("YAML file with the same keys as the options; options win.", valueName: "file"))
  var config: String?

  @Option(help: "Rise of the learning rate at every update; the paper has 5e-5.")
  var lrSlope = ScheduleSettings().lrSlope

  @Option(help: "Steps after which a run ends without having failed.")
  var maxSteps = 3000

  @Option(
    help: ArgumentHelp(
      "Go on with the interrupted test in this folder: runs that ended stay, the others are made.",
      valueName: "dir"))
  var resume: String?

  @OptionGroup(title: "Failure") var failure: FailureOptions
  @OptionGroup(title: "Precision") var precision: PrecisionOptions
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Corpus") var corpus: CorpusOptions
  @OptionGroup(title: "Recording") var recording: RecordingOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  @Option(help: "How the table is printed; csv and json have a row a run.")
  var format: TableFormat = .table

  @Option(help: ArgumentHelp("Also write the figure here, and its points beside it.", valueName: "file"))
  var svg: String?

  @OptionGroup(title: "Output") var output: OutputOptions

  mutating func validate() throws {
    files = try runFiles(named: files)
    guard (1...1000).contains(seeds) else {
      throw ValidationError("--seeds must be between 1 and 1000, not \(seeds)")
    }
    guard Set(architectures.elements).count == architectures.elements.count else {
      throw ValidationError("--architectures names one of them twice")
    }
    guard files.isEmpty || resume == nil else {
      throw ValidationError("--resume goes on with runs; run files to read have no place beside it")
    }
    try asUsage { () throws(ExperimentError) in
      try ScheduleSettings.check(slope: lrSlope)
      try ScheduleSettings.check(steps: maxSteps, setting: "max-steps")
    }
  }

  func run() throws {
    let console = Console(isQuiet: output.quiet)
    guard !files.isEmpty else { return try measure(console) }
    try GuardedReading.run(files) { reading in
      let report = try StabilityReport(
        runs: files.map { try reading.read(reading.open($0), tensors: [], outputs: true) })
      try Presenter(self, console).present(
        StabilityPresentation(report: report, view: self), into: .asked(output, command: "stability"))
    }
  }

  /// Trains, records, then reads the files back: the table comes from what anybody can read.
  private func measure(_ console: Console) throws {
    let request = self.request
    let corpus = try request.openCorpus()
    let runs = try (0..<seeds).flatMap { seed in
      try architectures.elements.map {
        try request.plan($0, seed: training.seed &+ UInt64(seed), corpus: corpus)
      }
    }
    let folder = try OutputFolder(ofRuns: output, resuming: resume, command: "stability", machine: machine)
    let host = ProgramHost(console: console)
    let executor = RunExecutor(
      team: Team(threadCount: machine.threadCount), host: host, replacing: output.overwrite,
      resuming: resume != nil, keeping: 1)
    host.expects(runCount: runs.count, stepsInAll: runs.map(\.training.stepCount).reduce(0, +))
    console.progress(introduction(runs, corpus.facts))
    StopSignal.watch()
    for run in runs {
      let end = try executor.execute(run, corpus: corpus, path: folder.file(run.fileName))
      if end == .interrupted {
        console.progress("stopped; nf-probe stability --resume \(folder.path) goes on")
        throw ExitCode(StopSignal.exitStatus)
      }
    }
    host.settle()
    let recorded = try runs.map {
      try RunFileReader(path: folder.file($0.fileName)).read(tensors: [], outputs: true)
    }
    try Presenter(self, console).present(
      StabilityPresentation(report: StabilityReport(runs: recorded), view: self), into: folder)
  }

  /// What failed is read off the outputs of operations, so they are always recorded.
  private var request: RunRequest {
    var configuration = RunConfiguration()
    configuration.model = model.settings
    configuration.schedule.steps = maxSteps
    configuration.schedule.decay = .ramp
    configuration.schedule.lrSlope = lrSlope
    configuration.training = training.settings
    configuration.failure = failure.settings
    configuration.failure.until = failure.until ?? .either
    configuration.precision = precision.settings
    configuration.corpus = corpus.settings
    configuration.recording = recording.settings
    configuration.recording.activations = true
    return RunRequest(configuration, threadCount: machine.threadCount)
  }

  private func introduction(_ runs: [PlannedRun], _ corpus: CorpusFacts) -> String {
    let model = runs[0].model
    return
      "\(counted(runs.count, "run")) of at most \(maxSteps) steps: \(model.layerCount) layers, width \(model.modelDim), "
      + "\(runs[0].training.batch.tokensPerStep) tokens a step; learning rate \(lrSlope) times the update, "
      + "\(precision.precision.rawValue); \(corpus.name), unigram entropy \(rounded(corpus.unigramEntropy, 3)) nats/token"
  }
}
