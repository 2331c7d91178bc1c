import Analysis
import ArgumentParser
import Documents
import Experiments
import RunData

extension TableFormat: ExpressibleByArgument {}

/// Where a command's results go.
package struct OutputOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder for what is made. (default: the next free nf-probe-runs/...)", valueName: "dir"))
  package var out: String?

  @Flag(help: "Replace what is in the folder already.")
  package var overwrite = false

  @Flag(name: .shortAndLong, help: "No progress on standard error.")
  package var quiet = false

  package init() {}
}

/// Which of several stacks of layers is shown.
package struct StackOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Of a run with several stacks of layers, e.g. encoder and decoder, the one that is shown. (default: the deepest; "
        + "info lists them)", valueName: "name"))
  package var stack: String?

  package init() {}
}

/// Which gradients are compared, over which steps, and how the table comes out.
package struct MismatchOptions: ParsableArguments, ViewOptions {
  @Option(
    help: ArgumentHelp(
      "The operation whose gradients are compared: a name, or a pattern such as '*down_proj*'. (default: fc2.weight; "
        + "without one, the last large matrix of a layer)", valueName: "tensor"))
  package var operation: String?

  @Option(
    help: ArgumentHelp(
      "Layers shown: a list like 0,5,11, all, or paper (0, 1, L/2, L-2, L-1).", valueName: "layers"))
  package var layersShown = "paper"

  @Option(help: ArgumentHelp("Steps a to b-1. (default: the second half)", valueName: "a:b"))
  package var window: String?

  @Option(
    name: .customLong("statistic"),
    help: "What is shown: of the gradient, the weights, the updates, or, of runs made with --noise, of noise."
  )
  package var shown: ShownStatistic = .ofTensors(.l1)

  @Flag(help: "Show how the mismatch changes along the runs, by windows of equally many steps.")
  package var overTime = false

  @Option(help: ArgumentHelp("Windows of --over-time. (default: 10)", valueName: "N"))
  package var windows: Int?

  @Flag(
    help:
      "Show the noise scale by layer and as a whole against the batch, of runs made with --noise; with --operation of that one."
  )
  package var noiseScale = false

  /// What is shown of every step.
  package var statistic: GradientStatistic { shown.ofTensors }

  /// What is shown of noise; nil where a mismatch is shown.
  package var noise: NoiseQuantity? { shown.ofNoise ?? (noiseScale ? .noiseScale : nil) }

  @Option(help: "How the table is printed.")
  package var format: TableFormat = .table

  @Option(help: ArgumentHelp("Also write the figure here.", valueName: "file"))
  package var svg: String?

  @Flag(help: "Draw the paper's own lines (125M, digitised) in a row below; for fc2.weight and l1.")
  package var paper = false

  @Flag(help: "Compare runs although their numbers do not mean the same.")
  package var mixContracts = false

  package init() {}

  package func validate() throws {
    _ = try StepWindow.parsed(window)
    _ = try LayerSelection.parsed(layersShown)
    guard windows == nil || overTime else { throw ValidationError("--windows is of --over-time") }
    guard (1...1000).contains(windows ?? 1) else {
      throw ValidationError("--windows must be between 1 and 1000, not \(windows ?? 1)")
    }
    guard noise == nil || !overTime else {
      throw ValidationError("\(noiseOption) and --over-time are two tables: ask for one")
    }
    guard noise == nil || statistic.isOfGradient && !paper else {
      throw ValidationError("\(noiseOption) has no place for --statistic \(statistic.rawValue) and --paper")
    }
    guard !noiseScale || shown != .ofNoise(.signal) else {
      throw ValidationError("--noise-scale and --statistic signal: ask for one, whose table has both")
    }
    guard !paper || !overTime else {
      throw ValidationError("--paper: the paper has no mismatch over time to draw below")
    }
    guard !paper || (statistic == .l1 && operation ?? OperationChoice.usual == OperationChoice.usual) else {
      throw Self.paperIsOfOneOperation
    }
  }

  /// How noise was asked for.
  package var noiseOption: String {
    if case .ofNoise(let quantity) = shown { return "--statistic \(quantity.rawValue)" }
    return "--noise-scale"
  }

  private static let paperIsOfOneOperation = ValidationError(
    "--paper: the paper's Figure 3 shows the L1 norm of \(OperationChoice.usual) alone")

  /// The operation among those that some runs have recorded; says which where it was not named.
  package func chosenOperation(
    among manifests: [RunManifest], trained: [GradientLayout]? = nil, _ console: Console
  ) throws -> String {
    let choice = try OperationChoice(operation, among: manifests.map(\.gradients), trained: trained)
    guard !paper || choice.operation == OperationChoice.usual else { throw Self.paperIsOfOneOperation }
    if let note = choice.note { console.progress(note) }
    return choice.operation
  }

  /// How the mismatch of an operation changes along some runs under these options.
  package func course(of runs: [RecordedRun], operation: String) throws -> MismatchCourse {
    try MismatchCourse(
      runs: runs, operation: operation, statistic: statistic, span: .parsed(window),
      count: windows ?? MismatchCourse.usualCount, allowsMixedContracts: mixContracts)
  }

  /// The noise scale of some runs under these options.
  package func noise(of runs: [RecordedRun], operation: String?) throws -> NoiseReport {
    try NoiseReport(
      runs: runs, operation: operation, window: .parsed(window), selection: .parsed(layersShown),
      allowsMixedContracts: mixContracts)
  }

  /// The mismatch of an operation in some runs under these options.
  package func report(on runs: [RecordedRun], operation: String) throws -> MismatchReport {
    try MismatchReport(
      runs: runs, operation: operation, statistic: statistic, window: .parsed(window),
      selection: .parsed(layersShown), allowsMixedContracts: mixContracts)
  }
}

/// The machine's part.
package struct MachineOptions: ParsableArguments {
  @Option(help: "Threads that compute. (default: one for each processor)")
  package var threads: Int?

  package init() {}

  package func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads must be between 1 and 1024, not \(threads)")
    }
  }

  package var threadCount: Int { threads ?? Machine.defaultThreadCount }
}
