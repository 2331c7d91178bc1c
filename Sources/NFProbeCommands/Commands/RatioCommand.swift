import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Documents
import RunData
import RunFile
import RunReading

extension RatioNormalizer: ExpressibleByArgument {}

/// `nf-probe ratio`: the gradients of one run over those of another.
struct RatioCommand: ParsableCommand, ViewOptions {
  static let configuration = CommandConfiguration(
    commandName: "ratio",
    abstract: "Compare each operation's gradient with a baseline's, layer by layer.",
    discussion: """
      The first file's run is the baseline; the others are compared with it. More files may be further seeds of either \
      side: they are put together by their settings, and paired by seed.

      What --normalise divides by: none leaves the gradients as they are; loss divides each side by its mean training \
      loss over the window, since gradients grow with what is left to learn; total divides each side by its own norm over \
      all gradients of its layers, so that only the shares are compared. With --statistic signal or noise-scale, of runs \
      made with --noise, layers are compared as a whole.

      Examples:
        nf-probe ratio pre-ln-seed0.h5 normformer-seed0.h5
        nf-probe ratio pre-ln-seed*.h5 normformer-seed*.h5 --window 950:1000 --normalise loss
        nf-probe ratio a.h5 b.h5 --svg ratio.svg --figure lines
        nf-probe ratio a*.h5 b*.h5 --statistic noise-scale
      """)

  /// The figures of a ratio.
  enum RatioFigure: String, ExpressibleByArgument, CaseIterable {
    case map, lines
  }

  @Argument(help: ArgumentHelp("Run files: the baseline's first, then the other's.", valueName: "run.h5"))
  var files: [String]

  @Option(
    help: ArgumentHelp(
      "Steps a to b-1. (default: 950:1000 where recorded, else the second half)", valueName: "a:b"))
  var window: String?

  @Option(name: .customLong("statistic"), help: "What is compared of each gradient, or of its noise.")
  var shown: ShownStatistic = .ofTensors(.l1)

  @Option(help: "What each side is divided by: none, loss or total.")
  var normalise: RatioNormalizer = .none

  @Option(
    help: ArgumentHelp(
      "Layers shown: a list like 0,5,11, all, or paper (0, 1, L/2, L-2, L-1).", valueName: "layers"))
  var layersShown = "all"

  @Option(help: "How the table is printed; csv and json have a row an operation and layer.")
  var format: TableFormat = .table

  @Option(help: ArgumentHelp("Also write a figure here, and its points beside it.", valueName: "file"))
  var svg: String?

  @Option(help: "The figure of --svg: map (all operations) or lines (the paper's Figure 5).")
  var figure: RatioFigure = .map

  @Flag(help: "Compare runs although their numbers do not mean the same.")
  var mixContracts = false

  @OptionGroup var stacks: StackOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    guard files.count >= 2 else {
      throw ValidationError("ratio takes a baseline and a run to compare with it")
    }
    _ = try StepWindow.parsed(window)
    _ = try LayerSelection.parsed(layersShown)
    if let quantity = shown.ofNoise, normalise != .none {
      throw ValidationError(
        "--statistic \(quantity.rawValue) is divided by nothing: leave --normalise \(normalise.rawValue) away"
      )
    }
  }

  func run() throws {
    try GuardedReading.run(files, stack: stacks.stack) { reading in
      let window = try StepWindow.parsed(window)
      if let quantity = shown.ofNoise {
        let runs = try files.map { file in
          let reader = try reading.open(file)
          var run = try reading.read(reader, tensors: [])
          run.noise = try reading.noise(reader, tensors: nil, window: nil)
          return run
        }
        let ratio = try NoiseRatio(
          runs: runs, quantity: quantity, window: window, allowsMixedContracts: mixContracts)
        return try Presenter(self, Console(isQuiet: output.quiet)).present(
          NoiseRatioPresentation(ratio: ratio, layers: .parsed(layersShown)),
          into: .asked(output, command: "ratio"))
      }
      let statistic = shown.ofTensors
      let runs = try files.map { file in
        let reader = try reading.open(file)
        return try reading.read(
          reader, tensors: reader.manifest.gradients.tensorNames, window: window?.range(in: reader.steps),
          parameters: !statistic.isOfGradient)
      }
      let ratio = try GradientRatio(
        runs: runs, statistic: statistic, window: window, normalizer: normalise,
        allowsMixedContracts: mixContracts)
      try Presenter(self, Console(isQuiet: output.quiet)).present(
        RatioPresentation(ratio: ratio, view: self), into: .asked(output, command: "ratio"))
    }
  }
}
