import Analysis
import Text
import Yams

/// A grid of runs as its YAML file describes it.
///
///     title: learning rates
///     base: {layers: 12, dim: 64, steps: 1000, hold-out: 0.1}
///     vary:
///       model:                               # named points, each some options of `nf-probe train`
///         Baseline: {architecture: pre-ln}
///         NormFormer: {architecture: normformer}
///       lr: [0.001, 0.003]                   # an option and its values
///     seeds: 3                               # or a list
///     budget: seconds                        # steps, flops or seconds: what every cell gets as much of as the baseline
///     baseline: {model: Baseline}
///     choose: lr
///     average-last: 3                        # the final loss is the mean of the last three validations
///
/// With `command:` a cell is a command that writes a run file; axes and settings are then what it is told, and not options of `nf-probe train`:
///
///     command: python train.py --arch {model} --lr {lr} --seed {seed} --out {run}
///     vary: {model: [gpt2, llama], lr: [0.001, 0.003]}
package struct SweepFile {
  /// One thing that is varied.
  package struct Axis: Equatable {
    package let name: String
    package let points: [Point]
  }

  /// One of its values: the settings that it stands for.
  package struct Point: Equatable {
    package let label: String
    let settings: [Setting]
  }

  /// A key of the file.
  private enum Key: String, CaseIterable {
    case title, command, base, vary, seeds, budget, baseline, choose
    case averageLast = "average-last"
  }

  /// The file's own text, to be kept beside the runs.
  package let text: String
  private(set) var title = "sweep"
  /// What makes a run, where that is not this program.
  package private(set) var command: CommandTemplate?
  private(set) var base: [Setting] = []
  package private(set) var axes: [Axis] = []
  package private(set) var seeds: [UInt64] = [0]
  private(set) var budget: SweepBudget = .steps
  /// The baseline's value of some or all axes.
  private(set) var baseline: [String: String] = [:]
  /// The axis of which each combination of the others keeps its best value.
  package private(set) var choose: String?

  /// Validations, the last ones, of which a run's final loss is the mean.
  private(set) var averagedValidations = 1

  /// More cells are a mistake.
  private static let mostCells = 1000

  /// Reads a sweep file, or the runs of a recipe: its file, or the folder that holds it as `recipe.yaml`.
  /// - Throws: ``ExperimentError``, with file and line.
  package init(path: String) throws {
    let file = try ConfigText(path: RecipeFile.path(of: path), setting: nil)
    let keys = try file.mapping()
    let ofRecipe = keys.first { $0.key.string == RecipeFile.sweepKey }?.value
    let reader = SweepFileReader(file: file, known: [])
    try self.init(file, keys: ofRecipe.map { try reader.mapping($0, RecipeFile.sweepKey) } ?? keys)
  }

  /// Reads a sweep's keys out of a file that may hold more.
  init(_ file: ConfigText, keys: Node.Mapping) throws {
    text = file.text
    let isOfCommands = keys.contains { $0.key.string == Key.command.rawValue }
    let reader = SweepFileReader(file: file, known: Self.known, takesAny: isOfCommands)
    for (node, value) in keys {
      switch try reader.key(node, of: Key.self) {
      case .title: title = try reader.text(value, "title")
      case .command: command = try reader.command(value)
      case .base: base = try reader.settings(value, "base")
      case .vary: axes = try reader.axes(value)
      case .seeds: seeds = try reader.seeds(value)
      case .budget: budget = try reader.choice(value, "budget", of: SweepBudget.self)
      case .baseline: baseline = try reader.texts(value, "baseline")
      case .choose: choose = try reader.text(value, "choose")
      case .averageLast: averagedValidations = try reader.count(value, "average-last", in: 1...1000)
      }
    }
    try check(file)
    if let command { try check(command, file) }
  }

  private func check(_ command: CommandTemplate, _ file: ConfigText) throws {
    func refused(_ message: String) -> ExperimentError { .refused("\(file.place(line: nil)): \(message)") }
    guard budget == .steps else {
      throw refused(
        "a command's steps are its own: `budget: \(budget.rawValue)` is of runs that this program makes")
    }
    let known = Set(
      [CommandTemplate.run, CommandTemplate.seed] + axes.map(\.name)
        + combinations.flatMap { $0.settings.map(\.name) })
    if let unknown = command.places.first(where: { !known.contains($0) }) {
      throw refused(
        "the command has a place {\(unknown)}, which is no axis and no setting\(suggestion(for: unknown, among: known.sorted()))"
      )
    }
    guard command.places.contains(CommandTemplate.run) else {
      throw refused("the command has to say where its run file goes: it needs {run}, e.g. `--out {run}`")
    }
    guard seeds.count == 1 || command.places.contains(CommandTemplate.seed) else {
      throw refused("the command has \(seeds.count) seeds and no place for them: it needs {seed}")
    }
  }

  /// The settings of runs that may vary; seeds belong to the sweep as a whole.
  private static var known: [SettingInfo] { RunConfiguration.keys.map(\.info).filter { $0.name != "seed" } }

  private func check(_ file: ConfigText) throws {
    guard !axes.isEmpty else {
      throw ExperimentError.refused(
        "\(file.place(line: nil)) varies nothing: it needs `vary:`, with options and their values such as "
          + "`lr: [0.001, 0.003]`, or names and the options that they stand for")
    }
    let count = axes.map(\.points.count).reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    guard (1...Self.mostCells).contains(count) else {
      throw ExperimentError.refused(
        "\(file.place(line: nil)): \(count) combinations are more than a sweep can have (\(Self.mostCells))")
    }
    for (name, label) in baseline.sorted(by: { $0.key < $1.key }) {
      guard let axis = axes.first(where: { $0.name == name }) else {
        throw ExperimentError.refused(
          "\(file.place(line: nil)): baseline names \(printable(name)), which is not varied\(suggestion(for: name, among: axes.map(\.name)))"
        )
      }
      guard axis.points.contains(where: { $0.label == label }) else {
        throw ExperimentError.refused(
          "\(file.place(line: nil)): \(name) has no \(printable(label)) for a baseline\(suggestion(for: label, among: axis.points.map(\.label)))"
        )
      }
    }
    if let choose, !axes.contains(where: { $0.name == choose }) {
      throw ExperimentError.refused(
        "\(file.place(line: nil)): choose names \(printable(choose)), which is not varied\(suggestion(for: choose, among: axes.map(\.name)))"
      )
    }
  }

  /// Whether any of its cells turns a switch on; of commands nobody knows.
  func mentions(_ option: String) -> Bool {
    command != nil || combinations.contains { $0.settings.contains(Setting(option, .flag(true))) }
  }

  /// Every combination, the last axis fastest: labels by axis, and all settings.
  var combinations: [(values: [String], settings: [Setting])] {
    axes.reduce([([], base)]) { cells, axis in
      cells.flatMap { cell in
        axis.points.map { (cell.values + [$0.label], cell.settings + $0.settings) }
      }
    }
  }
}
