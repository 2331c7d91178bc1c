import Analysis
import ArgumentParser
import Documents
import Experiments
import Foundation
import Kernels
import RunData
import RunFile
import Text

/// `nf-probe recipe`: a figure or table of a paper, made anew, and what the runs say to its claims.
struct RecipeCommand: ParsableCommand, ViewOptions {
  static let configuration = CommandConfiguration(
    commandName: "recipe",
    abstract: "Run a recipe: train its grid, draw its figures, and judge the paper's claims.",
    discussion: """
      A recipe is a folder with a recipe.yaml: a question, a sweep, figures and claims as data. Each claim comes out as \
      holds, does not hold or undecided, with effect, interval and number of seeds. The folder of --runs keeps the run \
      files: what is there is not trained again, so that an interrupted recipe goes on, and a finished one is only \
      judged anew.

      Examples:
        nf-probe recipe analyses/03-ablations
        nf-probe recipe analyses/03-ablations --runs ablations --results analyses/03-ablations/results
      """)

  @Argument(help: ArgumentHelp("The recipe's folder or YAML file.", valueName: "recipe"))
  var path: String

  @Option(
    help: ArgumentHelp(
      "Folder of the run files: new, or that of an earlier call. (default: the next free nf-probe-runs/recipe-NNN)",
      valueName: "dir"))
  var runs: String?

  @Option(help: ArgumentHelp("Folder for tables and figures. (default: that of the runs)", valueName: "dir"))
  var results: String?

  @Flag(
    help: "Train nothing: judge what the folder of --runs holds so far, also while other processes fill it.")
  var asIs = false

  @Option(help: "Seeds 0 to n-1 instead of the recipe's.")
  var seeds: Int?

  @Option(help: "How the claims are printed.")
  var format: TableFormat = .table

  /// Figures are files of the recipe's.
  var svg: String? { nil }

  @Flag(name: .shortAndLong, help: "No progress on standard error.")
  var quiet = false

  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    guard !asIs || runs != nil else {
      throw ValidationError("--as-is judges what there is: name its folder with --runs")
    }
    if let seeds, !(1...1000).contains(seeds) {
      throw ValidationError("--seeds must be between 1 and 1000, not \(seeds)")
    }
  }

  func run() throws {
    let console = Console(isQuiet: quiet)
    let file = try ConfigText(path: recipePath, setting: nil)
    guard try !StartRecipe.describes(file) else { return try runStart(StartRecipe(file), console) }
    let recipe = try RecipeFile(file)
    console.progress(recipe.question)
    if asIs, let runs, !SweepPlan.exists(in: runs) {
      throw CommandError.usage("--as-is: \(runs) is not the folder of a sweep")
    }
    let (plan, folder, isEarlier) = try prepare(recipe, console)
    var machine = machine
    // What was begun goes on with as many threads: the sums of another number differ in their last bits.
    if isEarlier, machine.threads == nil { machine.threads = plan.threads }
    StopSignal.watch()
    if !asIs {
      try SweepRunner(
        plan, folder: folder.path, threadCount: machine.threadCount, host: ProgramHost(console: console),
        replacing: false, resuming: isEarlier
      ).runToEnd(console, in: folder)
    }
    let report = try plan.report(in: folder.path) { path in
      guard FileManager.default.fileExists(atPath: path) else { return nil }
      let reader = try RunFileReader(path: path)
      let there = reader.manifest.gradients.tensorNames
      var run = try reader.read(
        tensors: recipe.tensors.map { $0.filter(there.contains) } ?? there, outputs: recipe.needsOutputs,
        stream: recipe.needsStream, scales: recipe.needsScales)
      if recipe.needsNoise { run.noise = try reader.noise() }
      if recipe.needsOutputSummary {
        let window = recipe.outputWindow ?? .defaultWindow(for: [reader.steps])
        run.outputSummary = try reader.outputSummary(in: window.range(in: reader.steps))
      }
      if recipe.needsOutputSteps {
        run.outputSteps = try reader.steps.compactMap { try reader.outputSummary(in: $0..<$0 + 1) }
      }
      return run
    }
    try Presenter(self, console).present(
      RecipePresentation(
        recipe, report, program: FigureFile.program, command: FigureFile.command, warn: console.warn),
      into: resultFolder(else: folder))
  }

  /// A recipe of `init` trains nothing: its measurements take their time anew.
  private func runStart(_ recipe: StartRecipe, _ console: Console) throws {
    if runs != nil {
      throw CommandError.usage("--runs: \(recipePath) measures initial values, and has no runs to keep")
    }
    console.progress(recipe.question)
    var output = try OutputOptions.parse([])
    output.quiet = quiet
    var configuration = try recipe.configuration()
    if let seeds { configuration.seeds = seeds }
    let report = try StartExperiment(
      configuration, threadCount: machine.threadCount, host: ProgramHost(console: console)
    ).measureToEnd()
    try Presenter(self, console).present(
      StartRecipePresentation(
        recipe, report, program: FigureFile.program, command: FigureFile.command),
      into: resultFolder(else: OutputFolder(output, command: "recipe")))
  }

  /// The folder that `--results` names, made where it is not there; else another.
  private func resultFolder(else other: @autoclosure () throws -> OutputFolder) throws -> OutputFolder {
    guard let results else { return try other() }
    try FileManager.default.createDirectory(atPath: results, withIntermediateDirectories: true)
    return try OutputFolder(existing: results)
  }

  private var recipePath: String {
    var isFolder: ObjCBool = false
    let exists = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    return exists && isFolder.boolValue ? "\(path)/recipe.yaml" : path
  }

  /// The plan and the folder of its runs: those of an earlier call where `--runs` names them.
  private func prepare(_ recipe: RecipeFile, _ console: Console) throws -> (SweepPlan, OutputFolder, Bool) {
    if let runs, SweepPlan.exists(in: runs) {
      let plan = try SweepPlan(folder: runs)
      guard plan.isOf(recipe.sweep) else {
        throw CommandError.usage(
          "--runs \(runs) holds runs of another sweep than \(recipePath)'s; name another folder, or none")
      }
      if let seeds, seeds != plan.seeds.count {
        throw CommandError.usage(
          "--runs \(runs) has \(counted(plan.seeds.count, "seed")); --seeds cannot change that")
      }
      return (plan, try OutputFolder(existing: runs), true)
    }
    var output = try OutputOptions.parse(runs.map { ["--out", $0] } ?? [])
    output.quiet = quiet
    let plan = try SweepPlanner(threadCount: machine.threadCount, host: ProgramHost(console: console)).plan(
      recipe.sweep, seedCount: seeds)
    let folder = try OutputFolder(output, command: "recipe")
    try OutputFolder.write(recipe.text, to: folder.file("recipe.yaml"))
    try plan.write(into: folder.path)
    return (plan, folder, false)
  }
}
