import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Documents
import Experiments
import Foundation
import Kernels
import RunData
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
        nf-probe recipe analyses/03-ablations --plan --budget 2h
        nf-probe recipe analyses/03-ablations --runs ablations --until-decided --budget 2h
        nf-probe recipe analyses/03-ablations --runs ablations --until-decided --budget 2h --shard 1/2
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

  @Flag(
    help:
      "Train nothing: say what verdicts on the claims would take, from the runs of --runs or the recipe's earlier results."
  )
  var plan = false

  @Flag(
    help:
      "Add seeds, each where a verdict is nearest, until every claim is decided or the --budget is out; intervals then hold at every look."
  )
  var untilDecided = false

  @Option(help: ArgumentHelp("Time for --until-decided or --plan: 90s, 30min, 2h.", valueName: "time"))
  var budget: TimeBudget?

  @Option(
    help: ArgumentHelp(
      "One of several processes that fill the folder of --runs together: which share it makes first, from 1/N to N/N.",
      valueName: "i/N"))
  var shard: SweepShard?

  @Option(help: "How the claims are printed.")
  var format: TableFormat = .table

  /// Figures are files of the recipe's.
  var svg: String? { nil }

  @Flag(name: .shortAndLong, help: "No progress on standard error.")
  var quiet = false

  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws {
    guard [asIs, plan, untilDecided].count(where: \.self) < 2 else {
      throw ValidationError("--as-is, --plan and --until-decided are three ways: choose one")
    }
    guard !untilDecided || budget != nil else {
      throw ValidationError("--until-decided goes on for as long as you say: give --budget, e.g. --budget 2h")
    }
    guard budget == nil || plan || untilDecided else {
      throw ValidationError("--budget is of --until-decided and --plan")
    }
    guard !asIs || runs != nil else {
      throw ValidationError("--as-is judges what there is: name its folder with --runs")
    }
    guard shard == nil || runs != nil else {
      throw ValidationError("--shard: say with --runs which folder the processes share")
    }
    guard shard == nil || !(asIs || plan) else {
      throw ValidationError("--shard makes runs; --as-is and --plan make none")
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
    if plan { return try showPlan(of: recipe, console) }
    guard !untilDecided || !recipe.claims.isEmpty else {
      throw CommandError.usage("--until-decided: \(recipePath) claims nothing that could be decided")
    }
    var (plan, folder, isEarlier) = try prepare(recipe, console)
    var machine = machine
    // What was begun goes on with as many threads: the sums of another number differ in their last bits.
    if isEarlier, machine.threads == nil { machine.threads = plan.threads }
    StopSignal.watch()
    let host = ProgramHost(console: console)
    let runner = SweepRunner(
      plan, folder: folder.path, threadCount: machine.threadCount, host: host, replacing: false,
      resuming: isEarlier, shard: shard)
    if !asIs {
      let left = try runner.runToEnd(console, in: folder, waiting: untilDecided)
      if left > 0 { console.progress("other processes are making \(counted(left, "run"))") }
    }
    if untilDecided, let budget {
      var read: [String: RecordedRun] = [:]
      let buying = SeedBuying(
        recipe.claims, folder: folder.path, runner: runner, host: host, budget: budget.seconds)
      let end = try buying.run(&plan) { plan in
        try plan.report(in: folder.path) { path in
          if let run = read[path] { return run }
          let run = try recipe.run(at: path)
          // What another process is making is another file at the next look.
          if let run, run.status.isEnd { read[path] = run }
          return run
        }
      }
      switch end {
      case .decided: console.progress("every claim is decided")
      case .outOfBudget(let open, let isTooFew):
        console.progress(
          "\(counted(open, "claim")) cannot be decided in the time that is left"
            + (isTooFew ? "; an interval that holds at every look needs four seeds, and some have fewer" : "")
        )
      case .stuck(let open):
        console.progress("\(counted(open, "claim")) left: a run for them could not be made")
      case .interrupted: try stopped(console, in: folder)
      }
    }
    let report = try plan.report(in: folder.path) { try recipe.run(at: $0) }
    try Presenter(self, console).present(
      RecipePresentation(
        recipe, report, program: FigureFile.program, command: FigureFile.command, warn: console.warn),
      into: resultFolder(else: folder))
    try runner.tellFailures()
  }

  /// Says what verdicts take, from the runs of `--runs`, or from the results beside the recipe.
  private func showPlan(of recipe: RecipeFile, _ console: Console) throws {
    let seconds = budget?.seconds
    let plan: VerdictPlan
    if let runs {
      guard SweepPlan.exists(in: runs) else {
        throw CommandError.usage(
          "--plan: \(runs) is not the folder of a sweep; a pilot makes it: nf-probe recipe \(path) --seeds 3 --runs \(runs)"
        )
      }
      let (sweep, folder, _) = try prepare(recipe, console)
      plan = VerdictPlan(
        recipe.claims, in: try sweep.report(in: folder.path) { try recipe.run(at: $0) },
        budget: seconds)
    } else {
      let folder = URL(fileURLWithPath: recipePath).deletingLastPathComponent().relativePath
      plan = try VerdictPlan(recipe.claims, results: "\(folder)/results", budget: seconds)
    }
    try Presenter(self, console).present(
      plan, into: results == nil ? nil : resultFolder(else: try OutputFolder(existing: ".")))
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

  private var recipePath: String { RecipeFile.path(of: path) }

  /// The plan and the folder of its runs: those of an earlier call where `--runs` names them.
  private func prepare(_ recipe: RecipeFile, _ console: Console) throws -> (SweepPlan, OutputFolder, Bool) {
    if shard != nil, let runs {
      return (try join(recipe, in: runs, console), try OutputFolder(existing: runs), true)
    }
    if let runs, SweepPlan.exists(in: runs) {
      let plan = try SweepPlan(folder: runs)
      guard plan.isOf(recipe.sweep) else {
        throw CommandError.usage(
          "--runs \(runs) holds runs of another sweep than \(recipePath)'s; name another folder, or none")
      }
      if let seeds, seeds != plan.wholeSeeds.count {
        throw CommandError.usage(
          "--runs \(runs) has \(counted(plan.wholeSeeds.count, "seed")); --seeds cannot change that")
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
  /// The plan of a folder that several processes fill: whoever comes first decides it.
  private func join(_ recipe: RecipeFile, in runs: String, _ console: Console) throws -> SweepPlan {
    let folder = try OutputFolder(shared: runs)
    let planner = SweepPlanner(threadCount: machine.threadCount, host: ProgramHost(console: console))
    return try SharedSweep.plan(
      of: recipe.sweep, in: runs, seedCount: seeds,
      decide: { try planner.plan(recipe.sweep, seedCount: seeds) },
      begun: { _ in try OutputFolder.write(recipe.text, to: folder.file("recipe.yaml")) })
  }
}
