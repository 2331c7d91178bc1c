import ArgumentParser
import Checkpoints
import CommandOptions
import CommandSupport
import Documents
import Evaluation
import Experiments
import FineTuning
import Foundation
import Kernels

/// `nf-probe finetune`: what models are worth as beginnings, the paper's Table 3.
struct FinetuneCommand: ParsableCommand, ViewOptions {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract: "Fine-tune checkpoints on GLUE's tasks and record every gradient.",
    discussion: """
      A head on the last position's hidden state (of masked models the first one's), trained with the whole model on a \
      task's examples. Each run leaves a run file as every other, so that grads, report and compare show how large \
      gradients are while a model is fine-tuned. Several learning rates and seeds make a grid: of each task the best \
      learning rate by the median over the seeds, and of several checkpoints and tasks the paper's Table 3.

      Examples:
        nf-probe finetune model.safetensors --task glue/sst-2 --data glue --learning-rates 1e-4
        nf-probe finetune pre-ln.safetensors normformer.safetensors --task glue/rte --task glue/mrpc --data glue \
      --learning-rates 1e-5,1e-4,3e-4 --seeds 5 --out table3
        nf-probe finetune --resume table3
        nf-probe grads table3/*.h5
      """)

  @Argument(help: ArgumentHelp("Checkpoints of decoders or of masked models.", valueName: "checkpoint"))
  var checkpoints: [String] = []

  @OptionGroup(title: "Task") var task: TaskDataOptions
  @OptionGroup(title: "Training") var training: FineTuningOptions
  @OptionGroup(title: "Recording") var recording: FineTuningRecordingOptions

  @Option(
    help:
      "What stands for a task: glue's choice, or accuracy wherever there are classes, as in the paper's Table 3."
  )
  var metric: MetricChoice = .glue

  @Option(help: "How the tables are printed.")
  var format: TableFormat = .table

  @Option(help: ArgumentHelp("Also write a figure here, and its points beside it.", valueName: "file"))
  var svg: String?

  @Option(
    help: ArgumentHelp(
      "Only write the sentences of a task into this folder, for python -m nf_probe.tasks; no checkpoint is needed.",
      valueName: "dir"))
  var sentences: String?

  @Option(
    help: ArgumentHelp(
      "Go on with the interrupted grid in this folder; other options are as they were.", valueName: "dir"))
  var resume: String?

  @OptionGroup(title: "Model") var model: EvaluatedModelOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    guard !task.tasks.isEmpty else {
      throw ValidationError(
        "name a task: \(GlueTask.allValueStrings.map { "--task \($0)" }.joined(separator: ", "))")
    }
    guard task.data != nil else { throw ValidationError("--data says where the task's files are") }
    guard !checkpoints.isEmpty || sentences != nil || resume != nil else {
      throw ValidationError("name a checkpoint or several")
    }
    guard Set(checkpoints).count == checkpoints.count else {
      throw ValidationError("a checkpoint is named twice")
    }
    guard sentences == nil || task.tasks.count == 1 else {
      throw ValidationError("--sentences is of one --task")
    }
    guard training.train || (svg == nil && !training.keepWeights && resume == nil) else {
      throw ValidationError(
        "--no-train trains nothing: --svg, --keep-weights and --resume have no place beside it")
    }
    try asUsage(settings.validate)
  }

  func run() throws {
    let console = Console(isQuiet: output.quiet)
    if let sentences { return try writeSentences(to: sentences, console) }
    StopSignal.watch()
    guard training.train else { return try answer(console) }
    let paths = try resume.map { try CheckpointList(folder: OutputFolder.path(of: $0)).paths } ?? checkpoints
    let requests = try requests(paths, console)
    // What cannot be had is refused before the folder is made.
    for request in requests { _ = try request.plan(learningRate: training.learningRates.values[0], seed: 0) }
    let folder = try OutputFolder(
      ofRuns: output, resuming: resume, command: "finetune", machine: machine)
    if resume == nil { try CheckpointList(paths).write(into: folder) }
    let grid = FineTuningGrid(
      requests, learningRates: training.learningRates.values, seeds: (0..<training.seeds).map { UInt64($0) },
      folder: folder.path, team: Team(threadCount: machine.threadCount), host: ProgramHost(console: console),
      replacing: output.overwrite, resuming: resume != nil, keepsWeights: training.keepWeights)
    guard let runs = try grid.run() else {
      console.progress("stopped; nf-probe finetune --resume \(folder.path) goes on")
      throw ExitCode(StopSignal.exitStatus)
    }
    let result = FineTuningPresentation(
      report: FineTuningReport(
        runs: runs, checkpoints: EvaluatedCheckpoint.names(of: paths), tasks: task.tasks, choice: metric))
    let presenter = Presenter(self, console)
    try presenter.write(result, into: folder)
    try presenter.show(result)
  }

  /// What checkpoints answer that were fine-tuned already.
  private func answer(_ console: Console) throws {
    let team = Team(threadCount: machine.threadCount)
    let entries = try requests(checkpoints, console).map { request in
      guard !StopSignal.isRequested else { throw ExitCode(StopSignal.exitStatus) }
      return try request.heldOutScores(team: team)
    }
    try Presenter(self, console).present(
      HeldOutPresentation(report: HeldOutReport(entries)), into: .asked(output, command: "finetune"))
  }

  private var settings: FineTuningSettings {
    var settings = FineTuningSettings()
    settings.epochs = training.epochs
    settings.steps = training.steps
    settings.batch = training.batch
    settings.warmupShare = training.warmupShare
    settings.weightDecay = training.weightDecay
    settings.beta1 = training.beta1
    settings.beta2 = training.beta2
    settings.epsilon = training.epsilon
    settings.clip = training.clip
    settings.dropout = training.dropout
    settings.attentionDropout = training.attentionDropout
    settings.context = task.context
    settings.recording = recording.settings
    return settings
  }

  /// Every checkpoint with every task.
  private func requests(_ paths: [String], _ console: Console) throws -> [FineTuningRequest] {
    let hints = try model.hints()
    let data = try task.tasks.map { try TaskData($0, in: task.data ?? ".") }
    var told: Set<String> = []
    return try zip(paths, EvaluatedCheckpoint.names(of: paths)).flatMap { path, name in
      let start = try CheckpointStart(path: path, hints: hints)
      for note in start.checkpoint.notes { console.progress("\(name): \(note)") }
      return try data.map { data in
        let prepared = try PreparedTask(data, for: start, path: path, context: task.context)
        for note in prepared.notes where told.insert(note).inserted { console.progress(note) }
        return FineTuningRequest(
          start, name: name, task: prepared, settings: settings, threadCount: machine.threadCount)
      }
    }
  }

  private func writeSentences(to path: String, _ console: Console) throws {
    let folder = try OutputFolder(shared: path)
    let data = try TaskData(task.tasks[0], in: task.data ?? ".")
    for split in [.train] + data.task.heldOut {
      let set = try data.sentences(split)
      let file = folder.file("\(data.task.fileName(split)).sentences.jsonl")
      try OutputFolder.write(SentenceFile.text(of: set), to: file)
      console.progress("\(set.examples.count) examples of \(data.task.title) written to \(file)")
    }
  }
}

/// Which checkpoints a grid began from, kept in its folder: `--resume` needs nothing but that.
private struct CheckpointList: Codable {
  let paths: [String]

  private static let fileName = "checkpoints.json"

  init(_ paths: [String]) { self.paths = paths.map(SettingPaths.absolute(path:)) }

  init(folder: String) throws {
    let path = "\(folder)/\(Self.fileName)"
    guard let bytes = FileManager.default.contents(atPath: path),
      let list = try? JSONDecoder().decode(Self.self, from: bytes)
    else {
      throw CommandError.usage(
        "--resume \(folder): \(Self.fileName) is missing or damaged; name the grid anew")
    }
    self = list
  }

  func write(into folder: OutputFolder) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(self), as: UTF8.self)
    try OutputFolder.write(text + "\n", to: folder.file(Self.fileName))
  }
}
