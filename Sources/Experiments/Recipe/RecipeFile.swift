import Analysis
import class Foundation.FileManager
import RunData
import Yams

/// A figure or table of a paper as a recipe: a question, the runs that answer it, figures, and the paper's claims as data.
///
///     question: Are early and late gradients as far apart as the paper says?
///     paper: Shleifer et al. 2021, Figure 3
///     sweep: {...}                                 # as `nf-probe sweep` reads it
///     figures:
///       - {figure: mismatch, operation: fc2.weight}
///     claims:
///       - says: Post-LN's late fc2 gradients exceed its early ones
///         measure: early/late
///         of: {model: Post-LN}
///         below: 1
package struct RecipeFile {
  private enum Key: String, CaseIterable {
    case question, paper, sweep, figures, claims
  }

  /// The key under which a recipe has its runs.
  static let sweepKey = Key.sweep.rawValue

  /// The file of a recipe that is named by its folder or its file.
  package static func path(of path: String) -> String {
    let inFolder = "\(path)/recipe.yaml"
    return FileManager.default.fileExists(atPath: inFolder) ? inFolder : path
  }

  /// The file's own text.
  package let text: String
  package private(set) var question = ""
  /// Where the claims are made, unless one says otherwise.
  private(set) var paper = ""
  package let sweep: SweepFile
  private(set) var figures: [RecipeFigure] = []
  package private(set) var claims: [Claim] = []

  /// Reads a recipe file.
  /// - Throws: ``ExperimentError``, with file and line.
  package init(_ file: ConfigText) throws {
    text = file.text
    let reader = SweepFileReader(file: file, known: [])
    var nodes: [Key: Node] = [:]
    for (node, value) in try file.mapping() { nodes[try reader.key(node, of: Key.self)] = value }
    guard let sweepNode = nodes[.sweep] else {
      throw ExperimentError.refused(
        "\(file.place(line: nil)) has no `sweep:`, the runs that answer its question, and no `init:`")
    }
    sweep = try SweepFile(file, keys: reader.mapping(sweepNode, "sweep"))
    question = try nodes[.question].map { try reader.text($0, "question") } ?? sweep.title
    paper = try nodes[.paper].map { try reader.text($0, "paper") } ?? ""
    let parts = RecipeFileReader(reader: reader, sweep: sweep, paper: paper)
    figures = try parts.elements(nodes[.figures], "figures").map { try parts.figure($0) }
    claims = try parts.elements(nodes[.claims], "claims").map { try parts.claim($0) }
    guard Set(figures.filter { $0.kind == .activations }.map { $0.window?.description }).count < 2 else {
      throw ExperimentError.refused(
        "\(file.place(line: nil)): the figures `activations` of one recipe have one window; give them all the same, or none"
      )
    }
    guard Set(figures.map(\.fileName)).count == figures.count else {
      throw ExperimentError.refused("\(file.place(line: nil)): two figures have one name; give them `name:`")
    }
  }

  /// Everything that claims and figures measure of cells.
  private var measurements: [Measurement] { claims.map(\.measurement) + figures.flatMap(\.measurements) }
  /// Whether claims or figures read the learned scales.
  package var needsScales: Bool {
    measurements.contains(where: \.measure.needsScales) || figures.contains(where: \.needsScales)
  }
  /// Whether claims or figures read the largest outputs of operations.
  package var needsOutputs: Bool {
    measurements.contains { $0.measure == .peakRate } || figures.contains { $0.kind == .stability }
  }
  /// Whether claims or figures read the size of the residual stream.
  package var needsStream: Bool { measurements.contains(where: \.measure.needsStream) }

  /// Whether figures read what gradients tell of noise.
  package var needsNoise: Bool { figures.contains { $0.kind == .noiseScale } }
  /// Whether figures read the outputs of operations, over a window or step by step.
  package var needsOutputSummary: Bool { figures.contains { $0.kind == .activations } }
  /// The steps that outputs are read over; nil for the usual ones.
  package var outputWindow: StepWindow? { figures.first { $0.kind == .activations }?.window }
  /// Whether figures read outputs step by step.
  package var needsOutputSteps: Bool { figures.contains { $0.kind == .coordinates } }

  /// Tensors that claims and figures read of a run; nil for all.
  package var tensors: [String]? {
    let claimed = measurements.filter(\.measure.needsGradients)
    if claimed.contains(where: { $0.normalizer == .total }) || figures.contains(where: \.needsAllTensors) {
      return nil
    }
    return Array(Set(claimed.flatMap(\.operations) + figures.flatMap(\.operations))).sorted()
  }
}

/// A figure of a recipe.
struct RecipeFigure {
  /// What it shows.
  enum Kind: String, CaseIterable {
    /// Gradients of one operation by layer (`grads`).
    case mismatch
    /// Gradients of one cell over those of another (`ratio`).
    case ratioLines = "ratio-lines"
    case ratioMap = "ratio-map"
    /// Final perplexity of every cell, and its course (`sweep`).
    case perplexity, curves
    /// Learned scales by layer, and over training (`scales`).
    case scales, drift
    /// Learning rates at which runs destabilised (`stability`).
    case stability
    /// Some numbers of every combination, side by side.
    case summary
    /// The mismatch of one operation by windows along the runs (`grads --over-time`).
    case overTime = "over-time"
    /// The noise scale by layer, of runs made with `noise` (`grads --noise-scale`).
    case noiseScale = "noise-scale"
    /// Outputs of operations by layer, of runs made with `activations`.
    case activations
    /// How outputs grow with width over the first steps.
    case coordinates
  }

  let kind: Kind
  var name: String?
  var operation = OperationChoice.usual
  /// Cells that it shows; empty for all.
  var of: [String: String] = [:]
  var base: [String: String] = [:]
  var window: StepWindow?
  var normalizer = RatioNormalizer.none
  /// Windows of a course.
  var windows = MismatchCourse.usualCount
  /// What is shown of outputs.
  var statistic = OutputStatistic.rms
  /// Operations whose outputs are shown; empty for all.
  var outputs: [String] = []
  /// Whether the paper's own boxes or lines stand below.
  var showsPaper = false
  /// What a summary has.
  var summary: (columns: [SweepSummary.Column], axes: [String]) = ([], [])

  /// Its file's name without the ending.
  var stem: String { name ?? kind.rawValue }
  var fileName: String { "\(stem).svg" }
  /// Whether the paper has the same figure.
  var hasPaperFigure: Bool { kind == .scales || (kind == .mismatch && operation == OperationChoice.usual) }
  /// What it measures of cells.
  var measurements: [Measurement] { summary.columns.map(\.measurement) }
  var needsScales: Bool { kind == .scales || kind == .drift }
  var showsOutputs: Bool { kind == .activations || kind == .coordinates }
  var needsAllTensors: Bool { kind == .ratioLines || kind == .ratioMap }
  var operations: [String] { [.mismatch, .overTime].contains(kind) ? [operation] : [] }
}
