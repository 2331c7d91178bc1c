import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Comparison
import Documents
import Kernels
import RunReading
import Text

/// `nf-probe compare`: two checkpoints, layer by layer and operation by operation.
struct CompareCommand: ParsableCommand, ViewOptions {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare checkpoints, layer by layer and operation by operation.",
    discussion: """
      First what cannot be compared, then how much the rest changed: norms, relative difference, cosine, the largest \
      difference of an element, the share of elements with the same bits. Files are read once, a window at a time. A \
      run file stands for its gains and scales: the last snapshot, or RUN@STEP; alone, its first against its last. \
      Three or more checkpoints are a path: how far each step goes, and how far it leads from the first.

      Exit status 3: a tensor passed --threshold.

      Examples:
        nf-probe compare a.safetensors b.safetensors
        nf-probe compare a.safetensors b.safetensors --by change --rows 10
        nf-probe compare a.safetensors b.safetensors --threshold 1e-6
        nf-probe compare a.safetensors b.safetensors --noise seed0.safetensors seed1.safetensors
        nf-probe compare step1.safetensors step2.safetensors step3.safetensors --svg path.svg
        nf-probe compare run.h5 --table scales
      """)

  @Argument(help: ArgumentHelp("Checkpoints or run files.", valueName: "checkpoint"))
  var files: [String]

  @Option(help: "What makes a row: layer, operation, or change (each tensor, the largest change first).")
  var by: Grouping = .layer

  @Option(help: ArgumentHelp("The most rows of a table by change; 0 for all.", valueName: "n"))
  var rows = 20

  @Option(help: "The table that is printed. (default: changes, after differences if there are any)")
  var table: ComparisonTable?

  @Flag(
    help: "Also compute singular values, stable and effective rank of all matrices; some seconds a matrix.")
  var spectral = false

  @Option(
    help: ArgumentHelp("The largest singular values that CSV and JSON get of each matrix.", valueName: "k"))
  var singularValues = 5

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Two or more checkpoints that differ in their seeds only: what changed more than noise?",
      valueName: "checkpoints"))
  var noise: [String] = []

  @Option(
    help: ArgumentHelp(
      "Exit with status 3 if a tensor's relative difference is above this, or a tensor is on one side only.",
      valueName: "x"))
  var threshold: Double?

  @Option(help: "How the table is printed.")
  var format: TableFormat = .table

  @Option(help: ArgumentHelp("Also write a figure here, and its points beside it.", valueName: "file"))
  var svg: String?

  @Option(help: "The figure of --svg.")
  var figure: ComparisonFigure = .changes

  @OptionGroup(title: "Output") var output: OutputOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    guard rows >= 0 else { throw ValidationError("--rows must not be negative") }
    guard (1...10_000).contains(singularValues) else {
      throw ValidationError("--singular-values must be between 1 and 10000, not \(singularValues)")
    }
    guard noise.count != 1 else { throw ValidationError("--noise takes two checkpoints or more") }
    if let threshold, !(threshold >= 0) {
      throw ValidationError("--threshold must be a number that is not negative")
    }
  }

  func run() throws {
    let inputs = files.map(ComparisonInput.init)
    let seeds = noise.map(ComparisonInput.init)
    guard files.count > 1 || (inputs[0].isRun && inputs[0].step == nil) else {
      throw CommandError.usage("compare takes two checkpoints; only a run file is compared with itself")
    }
    guard files.count < 3 || isForAnyCount else {
      throw CommandError.usage(
        "--noise, --threshold, --spectral, --table and --figure are of two checkpoints, not of a path")
    }
    let runs = (inputs + seeds).filter(\.isRun).map(\.path)
    guard !runs.isEmpty else { return try compare(inputs, seeds, nil) }
    try GuardedReading.run(runs) { try compare(inputs, seeds, $0) }
  }

  private var wantsSpectra: Bool { spectral || table == .spectra }

  private func spectra(of comparison: CheckpointComparison, _ team: Team) throws -> SpectralComparison {
    Console(isQuiet: output.quiet).progress("computing singular values")
    return try SpectralComparison(comparison, valueCount: singularValues, team: team)
  }

  /// Whether no option was given that only a comparison of two has.
  private var isForAnyCount: Bool {
    noise.isEmpty && threshold == nil && !spectral && table == nil && figure == .changes
  }

  private func compare(_ inputs: [ComparisonInput], _ seeds: [ComparisonInput], _ reading: GuardedReading?)
    throws
  {
    let sides =
      if inputs.count == 1, let reading {
        try inputs[0].firstAndLast(reading)
      } else {
        try inputs.map { try $0.side(reading) }
      }
    let team = Team(threadCount: machine.threadCount)
    let presenter = Presenter(self, Console(isQuiet: output.quiet))
    guard sides.count == 2 else {
      return try presenter.present(
        PathPresentation(path: CheckpointPath(sides, team: team), view: self),
        into: .asked(output, command: "compare"))
    }
    let noise = try seeds.map { try $0.side(reading) }
    let comparison = try CheckpointComparison(
      sides[0], sides[1], noise: noise, threshold: threshold, team: team)
    let spectra = try wantsSpectra ? spectra(of: comparison, team) : nil
    try presenter.present(
      ComparisonPresentation(comparison: comparison, spectra: spectra, view: self),
      into: .asked(output, command: "compare"))
    let passed = comparison.passedThreshold
    guard !passed.isEmpty else { return }
    let console = Console(isQuiet: false)
    console.warn("\(counted(passed.count, "tensor")) passed --threshold:")
    for name in passed { console.draw("  \(name)\n") }
    throw ExitCode(3)
  }
}
