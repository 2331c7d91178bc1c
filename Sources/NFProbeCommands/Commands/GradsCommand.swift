import Analysis
import Architecture
import ArgumentParser
import Checkpoints
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

/// `nf-probe grads`: gradients of short runs, or of recorded ones.
struct GradsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grads",
    abstract: "Measure or read gradients, layer by layer, and show their mismatch.",
    discussion: """
      Without files: trains each architecture for some hundred steps, records every gradient, and shows how large the \
      gradients of one operation are in early layers against late ones. With run files: the same from them.

      Examples:
        nf-probe grads
        nf-probe grads --corpus book.txt --dim 192 --heads 6 --lr 5e-4 --seeds 3
        nf-probe grads --architectures pre-ln,normformer --no-scale-heads
        nf-probe grads --operation fc1.weight --statistic rms a.h5 b.h5
        nf-probe grads --over-time pre-ln-seed*.h5 normformer-seed*.h5 --svg course.svg
        nf-probe grads --noise 4 --out noisy && nf-probe grads --noise-scale noisy/*.h5
        nf-probe grads --follow run.h5
        nf-probe grads --from-checkpoint w.safetensors --no-update --heads 12
        nf-probe grads --resume nf-probe-runs/grads-001
      """)

  @Argument(
    help: ArgumentHelp(
      "Run files, and folders that hold some, to read instead of training.", valueName: "run.h5"))
  var files: [String] = []

  @Option(help: "Architectures to measure, separated by commas.")
  var architectures = List(ArchitectureChoice.papers)

  @Option(help: "Runs of each architecture, with seeds from --seed on.")
  var seeds = 1

  @Flag(help: "Show a run file while it grows, until its run ends.")
  var follow = false

  @Flag(inversion: .prefixedNo, help: "Update the parameters; without, every step measures the same weights.")
  var update = true

  @OptionGroup(title: "Table and figure") var mismatch: MismatchOptions
  @OptionGroup var stacks: StackOptions
  @OptionGroup var options: RunOptions
  @OptionGroup(title: "Checkpoints") var checkpoints: CheckpointOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  mutating func validate() throws {
    files = try runFiles(named: files)
    guard (1...1000).contains(seeds) else {
      throw ValidationError("--seeds must be between 1 and 1000, not \(seeds)")
    }
    guard Set(architectures.elements).count == architectures.elements.count else {
      throw ValidationError("--architectures names one of them twice")
    }
    guard !follow || !mismatch.overTime else {
      throw ValidationError(
        "--over-time reads what is there, also of a run that goes on; --follow has no place beside it")
    }
    guard mismatch.noise == nil || !files.isEmpty || options.recording.noise != nil else {
      throw ValidationError(
        "\(mismatch.noiseOption): say with --noise into how many parts batches are cut, or name run files")
    }
    guard stacks.stack == nil || mismatch.noise == nil else {
      throw ValidationError(
        "\(mismatch.noiseOption) is of the deepest stack of layers; --stack has no place beside it")
    }
    guard !follow || mismatch.noise == nil else {
      throw ValidationError(
        "\(mismatch.noiseOption) reads what is there, also of a run that goes on; --follow has no place beside it"
      )
    }
    guard !follow || files.count == 1 else { throw ValidationError("--follow takes one run file") }
    guard stacks.stack == nil || !files.isEmpty else {
      throw ValidationError("--stack chooses of recorded runs, and there is no run file")
    }
    guard files.isEmpty || !checkpoints.isResuming else {
      throw ValidationError("--resume goes on with runs; run files to read have no place beside it")
    }
  }

  func run() throws {
    let console = Console(isQuiet: output.quiet)
    guard !files.isEmpty else { return try measure(console) }
    try GuardedReading.run(files, stack: stacks.stack) { reading in
      if follow {
        try RunFollower(
          console: console, options: mismatch, reading: reading,
          alerts: .parsed(options.recording.alerts), alertCommand: options.recording.alertCommand
        ).follow(files[0])
      } else if mismatch.noise != nil {
        try NoiseWriter(console: console, options: mismatch, reading: reading).write(
          files, into: .asked(output, command: "grads"))
      } else {
        let readers = try files.map { try reading.open($0) }
        let alerts = try [AlertRule].parsed(options.recording.alerts)
        for (file, reader) in zip(files, readers) where !alerts.isEmpty {
          let teller = try AlertTeller(
            alerts, of: reader.manifest, command: options.recording.alertCommand, name: file, console: console
          )
          try reading.forEachNumbers(reader) { teller.look(at: $0) }
        }
        for (file, reader) in zip(files, readers) where reader.untrustedRows > 0 {
          console.warn(
            "\(file): the last \(counted(reader.untrustedRows, "step")) were not finished, and are left out")
        }
        let windows = try readers.map(windowToRead)
        let trained =
          mismatch.operation == nil ? try zip(readers, windows).map(reading.trainedLayout) : nil
        let operation = try mismatch.chosenOperation(
          among: readers.map(\.manifest), trained: trained, console)
        let runs = try zip(readers, windows).map {
          try reading.read(
            $0, tensors: [operation], window: $1, parameters: !mismatch.statistic.isOfGradient)
        }
        try show(runs, operation, console, into: .asked(output, command: "grads"))
      }
    }
  }

  /// The steps that the table needs of a run: figures show all of them, an empty window is answered with what there is.
  private func windowToRead(of reader: RunFileReader) throws -> Range<Int>? {
    let drawsFigures = output.out != nil || mismatch.svg != nil
    return drawsFigures ? nil : try StepWindow.parsed(mismatch.window)?.range(in: reader.steps)
  }

  /// Trains, records, then reads the files back: the table comes from what anybody can read.
  private func measure(_ console: Console) throws {
    let stated = architectures.elements.count == 1 ? architectures.elements[0] : nil
    let start = try checkpoints.start(options.model.settings, architecture: stated, console)
    let request = options.request(
      checkpoint: start, updatesParameters: update, checkpointInterval: checkpoints.checkpointEvery)
    let architectures = start.map { [$0.architecture] } ?? architectures.elements
    let corpus = try request.openCorpus()
    let runs = try (0..<seeds).flatMap { seed in
      try architectures.map {
        try request.plan($0, seed: options.training.seed &+ UInt64(seed), corpus: corpus)
      }
    }
    let operation = try checkedOperation(runs, console)
    try checkWindow()
    let folder = try checkpoints.folder(output, command: "grads", machine: options.machine)
    let host = ProgramHost(
      console: console, operation: operation, statistic: mismatch.statistic,
      selection: try .parsed(mismatch.layersShown))
    let executor = RunExecutor(
      team: Team(threadCount: options.machine.threadCount), host: host, replacing: output.overwrite,
      resuming: checkpoints.isResuming, keeping: checkpoints.keep)
    host.expects(runCount: runs.count, stepsInAll: runs.map(\.training.stepCount).reduce(0, +))
    console.progress(introduction(runs, corpus.facts))
    StopSignal.watch()
    for run in runs {
      let end = try executor.execute(run, corpus: corpus, path: folder.file(run.fileName))
      if end == .interrupted {
        console.progress(
          "stopped; the steps so far are in \(folder.path); nf-probe grads --resume \(folder.path) goes on")
        throw ExitCode(StopSignal.exitStatus)
      }
    }
    host.settle()
    let paths = runs.map { folder.file($0.fileName) }
    if mismatch.noise != nil {
      return try NoiseWriter(console: console, options: mismatch, reading: GuardedReading(paths)).write(
        paths, into: folder)
    }
    let recorded = try runs.map {
      try RunFileReader(path: folder.file($0.fileName)).read(tensors: [operation])
    }
    try show(recorded, operation, console, into: folder)
  }

  /// The mismatch of some runs, or its course.
  private func show(
    _ runs: [RecordedRun], _ operation: String, _ console: Console,
    into folder: @autoclosure () throws -> OutputFolder?
  ) throws {
    let presenter = Presenter(mismatch, console)
    if mismatch.overTime {
      let course = try mismatch.course(of: runs, operation: operation)
      try presenter.present(CoursePresentation(course: course, options: mismatch), into: folder())
    } else {
      let report = try mismatch.report(on: runs, operation: operation)
      try presenter.present(MismatchPresentation(report: report, options: mismatch), into: folder())
    }
  }

  /// The operation that is shown; refused before anything is trained where no architecture has it.
  private func checkedOperation(_ runs: [PlannedRun], _ console: Console) throws -> String {
    do { return try mismatch.chosenOperation(among: runs.map(\.manifest), console) } catch let error
      as AnalysisError
    { throw CommandError.usage("--operation: \(error)") }
  }

  private func checkWindow() throws {
    guard let window = try StepWindow.parsed(mismatch.window), window.lower >= options.schedule.steps else {
      return
    }
    throw CommandError.usage("--window \(window) begins after the last of --steps \(options.schedule.steps)")
  }

  private func introduction(_ runs: [PlannedRun], _ corpus: CorpusFacts) -> String {
    let model = runs[0].model
    let batch = runs[0].training.batch
    let floor = corpus.entropyRate.map { ", entropy rate \(rounded($0, 3))" } ?? ""
    return
      "\(counted(runs.count, "run")) of \(runs[0].training.stepCount) steps: \(model.layerCount) layers, width "
      + "\(model.modelDim), \(batch.tokensPerStep) tokens a step; \(corpus.name), unigram entropy "
      + "\(rounded(corpus.unigramEntropy, 3)) nats/token\(floor)"
  }
}
