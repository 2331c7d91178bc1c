import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Export
import RunData
import RunReading

/// `nf-probe export`: runs for other programs.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write runs for other programs: CSV, JSON lines, TensorBoard, LaTeX, notebooks.",
    discussion: """
      csv (run,step,layer,tensor,statistic,value) and jsonl (an object a number) hold every number that a run recorded at \
      its steps and validations, each with as many digits as it takes to read it back exactly; what does not change, as \
      element counts and settings, stays in the run file. Layers count from 0; tensors outside the layers have no layer; \
      losses and rates have neither layer nor tensor. The step of a validation loss or a scale is the number of updates made.

      tensorboard writes an event file into a folder: losses, learning rate, clipping, each tensor's L1 and L2 norm, medians \
      of learned scales. TensorBoard keeps numbers as float32. pgfplots writes the mismatch figure of one or more runs as a \
      LaTeX document and its numbers. notebook writes a Jupyter notebook of one or more runs with figures, and code that makes \
      them again. Parquet comes from the Python package: python -m nf_probe.parquet run.h5 out.parquet.

      Examples:
        nf-probe export run.h5 > run.csv
        nf-probe export run.h5 --statistics gradient_l1,loss --window 500:1000 --out part.csv
        nf-probe export run.h5 --format jsonl --scales | jq -c 'select(.statistic == "loss")'
        nf-probe export run.h5 --format tensorboard --out logs/run
        nf-probe export pre-ln.h5 normformer.h5 --format pgfplots --out mismatch.tex
        nf-probe export pre-ln.h5 normformer.h5 --format notebook --out runs.ipynb
      """)

  @Argument(
    help: ArgumentHelp(
      "Run files, and folders that hold some; csv and jsonl take one run.", valueName: "run.h5"))
  var files: [String]

  @Option(help: "What to write. (default: csv)")
  var format: ExportFormat?

  @Option(
    help: ArgumentHelp(
      "Where to write: a file, for tensorboard a folder. (default: standard output for csv and jsonl)",
      valueName: "path"))
  var out: String?

  @Option(help: ArgumentHelp("The same as --format csv --out FILE.", valueName: "file"))
  var csv: String?

  @Option(
    help: ArgumentHelp(
      "Variables of the run file, e.g. gradient_l1,loss, for csv, jsonl and tensorboard. (default: all; of tensorboard"
        + " see above)", valueName: "names"))
  var statistics: List<String>?

  @Option(
    help: ArgumentHelp(
      "Steps a to b-1; of pgfplots and notebook those that means run over. (default: all; the second half)",
      valueName: "a:b"))
  var window: String?

  @Flag(
    help: ArgumentHelp(
      "Add every element of the learned scales' snapshots to csv and jsonl, with a column or key 'element'; their"
        + " medians to a tensorboard that --statistics narrows."))
  var scales = false

  @Option(
    help: ArgumentHelp(
      "The operation that pgfplots and notebook show: a name, or a pattern such as '*down_proj*'. (default: fc2.weight; "
        + "without one, the last large matrix of a layer)", valueName: "tensor"))
  var operation: String?

  @Option(
    name: .customLong("statistic"),
    help:
      "What pgfplots shows of it: of the gradient, the weights, or the updates; or of the gradient's noise.")
  var shown: ShownStatistic = .ofTensors(.l1)

  var statistic: GradientStatistic { shown.ofTensors }

  @Flag(help: "Compare runs although their numbers do not mean the same.")
  var mixContracts = false

  @Flag(help: "Replace what is there.")
  var overwrite = false

  @Flag(name: .shortAndLong, help: "No progress on standard error.")
  var quiet = false

  var chosen: ExportFormat { format ?? .csv }
  /// Where to write; nil for standard output.
  var path: String? { out ?? csv }

  mutating func validate() throws {
    files = try runFiles(named: files)
    guard chosen != .parquet else {
      throw ValidationError(
        "--format parquet: Parquet is written by the Python package: python -m nf_probe.parquet "
          + "\(files.first ?? "RUN.h5") OUT.parquet")
    }
    guard csv == nil || (chosen == .csv && out == nil) else {
      throw ValidationError("--csv FILE is --format csv --out FILE; give one or the other")
    }
    guard files.count == 1 || !chosen.isText else {
      throw ValidationError(
        "--format \(chosen.rawValue) takes one run, here are \(files.count); export each by itself: every line names its"
          + " run, so the files can be joined")
    }
    guard path != nil || chosen.isText else {
      throw ValidationError("--format \(chosen.rawValue) needs --out \(chosen.outputHint)")
    }
    try validateNarrowing()
    _ = try StepWindow.parsed(window)
  }

  /// An option that would do nothing is a mistake.
  private func validateNarrowing() throws {
    for (name, isGiven) in [("--statistics", statistics != nil), ("--scales", scales)]
    where isGiven && chosen.isComparison {
      throw ValidationError("\(name) is for csv, jsonl and tensorboard, not for \(chosen.rawValue)")
    }
    if let quantity = shown.ofNoise, chosen != .pgfplots {
      throw ValidationError(
        "--statistic \(quantity.rawValue) is for pgfplots; `nf-probe grads RUN.h5 --statistic \(quantity.rawValue) --format csv` has its numbers"
      )
    }
    for (name, isGiven) in [("--operation", operation != nil), ("--mix-contracts", mixContracts)]
    where isGiven && !chosen.isComparison {
      throw ValidationError("\(name) is for pgfplots and notebook, not for \(chosen.rawValue)")
    }
  }

  func run() throws {
    try GuardedReading.run(files) { reading in
      do { try write(reading) } catch let error as ExportError { throw error.ofCommand }
    }
  }

  private func write(_ reading: GuardedReading) throws {
    switch chosen {
    case .csv: try writeRecords(.csv(hasElements: scales), reading)
    case .jsonl: try writeRecords(.jsonLines, reading)
    case .tensorboard: try writeEvents(reading)
    case .pgfplots: try writePGFPlots(reading)
    case .notebook: try writeNotebook(reading)
    case .parquet: break
    }
  }
}

extension ExportError {
  /// What the command says of it.
  fileprivate var ofCommand: any Error {
    switch self {
    case .noSuchVariable: CommandError.usage("--statistics: \(self)")
    case .exists: CommandError.failed("\(self); give --overwrite to replace it")
    case .readerIsGone: ExitCode(0)
    case .notAFile, .output: CommandError.failed(description)
    }
  }
}
