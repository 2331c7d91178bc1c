import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Corpus
import Experiments
import Kernels
import RunData
import RunFile
import Training
import Transformer

/// `nf-probe train`: one instrumented run.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train one model and record every gradient.",
    discussion: """
      The same loop as `grads`, for one run: longer, with validation and checkpoints. A run that was interrupted or \
      killed goes on with --resume and gives the same numbers as if it had not been, bit for bit.

      Examples:
        nf-probe train --steps 2000 --corpus book.txt --hold-out 0.1
        nf-probe train --size 125M --sequence 256 --batch 4 --every 5
        nf-probe train --config run.yaml --seed 1
        nf-probe train --config nf-probe-runs/grads-001/pre-ln-seed0.h5
        nf-probe train --from-checkpoint w.safetensors --lr 1e-4
        nf-probe train --resume nf-probe-runs/train-001
      """)

  @Option(help: "The architecture. (default: normformer, or that of --from-checkpoint)")
  var architecture: ArchitectureChoice?

  @Option(
    help: ArgumentHelp(
      "The block itself, in the language of architectures, under the name that --architecture gives: what run files keep.",
      valueName: "yaml"))
  var architectureText: String?

  @Flag(inversion: .prefixedNo, help: "Update the parameters; without, every step measures the same weights.")
  var update = true

  @OptionGroup var options: RunOptions
  @OptionGroup(title: "Checkpoints") var checkpoints: CheckpointOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    guard architectureText == nil || architecture != nil else {
      throw ValidationError("--architecture-text needs a name for it: --architecture")
    }
  }

  func run() throws {
    let console = Console(isQuiet: output.quiet)
    let architecture = try statedArchitecture
    let start = try checkpoints.start(options.model.settings, architecture: architecture, console)
    if let asked = architecture, asked.isPapers, let there = start?.architecture, asked != there {
      throw CommandError.usage(
        "--architecture \(asked.name) contradicts the checkpoint, whose tensors are \(there.name)'s")
    }
    let request = options.request(
      checkpoint: start, updatesParameters: update, checkpointInterval: checkpoints.checkpointEvery ?? 500)
    let corpus = try request.openCorpus()
    let run = try request.plan(
      start?.architecture ?? architecture ?? .normFormer, seed: options.training.seed, corpus: corpus)
    try options.config.flatMap { try RecordedSettings(path: $0, command: "train") }?.compare(
      with: run, console)
    let folder = try checkpoints.folder(output, command: "train", machine: options.machine)
    let path = folder.file(run.fileName)
    let host = ProgramHost(console: console)
    host.expects(runCount: 1, stepsInAll: run.training.stepCount)
    StopSignal.watch()
    let end = try RunExecutor(
      team: Team(threadCount: options.machine.threadCount), host: host, replacing: output.overwrite,
      resuming: checkpoints.isResuming, keeping: checkpoints.keep, keepsLast: true
    ).execute(run, corpus: corpus, path: path)
    host.settle()
    try printSummary(path, console)
    switch end {
    case .finished: break
    case .interrupted:
      console.progress("stopped; nf-probe train --resume \(folder.path) goes on")
      throw ExitCode(StopSignal.exitStatus)
    case .failed(let failure): throw CommandError.failed("the run ended: \(failure)")
    case .nonfinite: throw CommandError.failed("the run ended because its numbers were not finite any more")
    }
  }

  /// By name, or as its text says it.
  private var statedArchitecture: ArchitectureChoice? {
    get throws {
      guard let architectureText, let architecture else { return architecture }
      return try ArchitectureChoice(name: architecture.name, text: architectureText)
    }
  }

  private func printSummary(_ path: String, _ console: Console) throws {
    let run = try RunFileReader(path: path).read(tensors: [])
    console.print("\(path): \(run.steps.count) steps recorded")
    if let loss = run.loss.last { console.print("last loss \(rounded(loss, 4)) nats/token") }
    if let last = run.validation.last {
      console.print(
        "validation loss \(rounded(last.loss, 4)) nats/token, perplexity \(rounded(perplexity(last.loss), 3))"
      )
    }
    if let last = run.evaluations.last {
      for (index, layout) in run.manifest.evaluations.enumerated() {
        console.print(layout.summary(last, at: index))
      }
    }
  }
}
