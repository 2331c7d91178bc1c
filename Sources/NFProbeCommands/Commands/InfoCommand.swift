import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Documents
import Experiments
import RunData
import RunFile
import RunReading
import Text

/// `nf-probe info`: what a run file holds.
struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Print what a run file holds.",
    discussion: """
      Examples:
        nf-probe info nf-probe-runs/grads-001/pre-ln-seed0.h5
        nf-probe info run.h5 --format json
      """)

  @Argument(help: ArgumentHelp("The run file.", valueName: "run.h5"))
  var file: String

  @Option(help: "How the facts are printed.")
  var format: TableFormat = .table

  @Option(
    help: ArgumentHelp(
      "From which numbers on findings speak, such as max-logit=50; the guide lists all.", valueName: "list"))
  var thresholds: String?

  func validate() throws { _ = try FindingThresholds.parsed(thresholds) }

  func run() throws {
    try GuardedReading.run([file]) { reading in
      let reader = try reading.open(file)
      show(
        reader, try reading.read(reader, tensors: []), try reading.attempts(reader),
        try reading.trainingSurvey(reader), try findings(reader, reading),
        try reading.alerts(reader))
    }
  }

  private func show(
    _ reader: RunFileReader, _ run: RecordedRun, _ attempts: [RunAttempt], _ survey: TrainingSurvey,
    _ findings: [(String, String)], _ alerts: [String]
  ) {
    let facts =
      facts(reader, run, attempts, survey) + findings
      + alerts.map { ("alert", $0) }
    let console = Console(isQuiet: false)
    guard format != .table else {
      for (name, value) in facts { console.print(indented(name, value, width: console.width)) }
      return
    }
    var table = Table(
      title: file,
      columns: [
        Table.Column("fact", title: "fact", kind: .text), Table.Column("value", title: "value", kind: .text),
      ])
    for (name, value) in facts { table.append([.text(name), .text(value)]) }
    console.print(table.rendered(as: format))
  }

  /// Name and value side by side; a long value goes on below itself, broken at commas. On a terminal too narrow for that, anywhere.
  private func indented(_ name: String, _ value: String, width terminal: Int?) -> String {
    let margin = 26
    let width = min(84, max(20, (terminal ?? .max) - margin))
    var lines = [""]
    for part in value.split(separator: ",", omittingEmptySubsequences: false) {
      let isFirst = lines == [""]
      let piece = isFirst ? String(part) : ",\(part)"
      if !isFirst, lines[lines.count - 1].count + piece.count > width {
        lines[lines.count - 1] += ","
        lines.append(String(part.trimmingPrefix(" ")))
      } else {
        lines[lines.count - 1] += piece
      }
    }
    if terminal != nil { lines = lines.flatMap { folded($0, width: width) } }
    let head = name + String(repeating: " ", count: max(1, margin - name.count))
    return head + lines.joined(separator: "\n" + String(repeating: " ", count: margin))
  }

  private func facts(
    _ reader: RunFileReader, _ run: RecordedRun, _ attempts: [RunAttempt], _ survey: TrainingSurvey
  ) -> [(String, String)] {
    let manifest = run.manifest
    let layout = manifest.gradients
    let last = run.loss.last.map { rounded($0, 4) } ?? "none yet"
    let validation =
      run.validation.last.map { "\(rounded($0.loss, 4))\(unit(manifest)) after \($0.step) updates" } ?? "none"
    let segmentCount = max(attempts.count, Set(run.segments).count)
    let elementCount = (layout.elementCounts + layout.stemElementCounts).reduce(0, +)
    let onRun: [(String, String)] =
      [
        ("run", manifest.runID), ("architecture", manifest.architecture),
        ("state", state(reader)), ("started", manifest.startedAt),
        ("steps", steps(run)), ("segments", String(segmentCount)),
        ("last loss", "\(last)\(run.loss.isEmpty ? "" : unit(manifest))"),
        ("validation", validation),
      ] + evaluations(run) + (manifest.packing.map { [("packed", packed($0))] } ?? [])
    let onTensors: [(String, String)] = [
      ("layers", layers(layout)), ("tensors a layer", layout.tensorNames.joined(separator: ", ")),
      ("other tensors", others(layout)),
      ("elements", String(elementCount)),
      ("scales", manifest.scales.map(\.name).joined(separator: ", ")),
      (
        "activations",
        manifest.operationNames.isEmpty ? "not recorded" : manifest.operationNames.joined(separator: ", ")
      ),
      ("corpus", corpus(manifest.corpus)), ("corpus SHA-256", manifest.corpus.sha256),
    ]
    let onNumbers: [(String, String)] = manifest.contract.labels.map { ("gradient \($0.name)", $0.value) }
    let onMachine: [(String, String)] = [
      ("program", manifest.machine.program), ("processor", manifest.machine.cpu),
      ("matrix products", manifest.machine.blas), ("threads", String(manifest.machine.threads)),
      ("seed", String(manifest.seed)), ("configuration", manifest.configurationJSON),
    ]
    let onTraining =
      (manifest.leftOut.map { [("left out", $0)] } ?? [])
      + UntrainedTensors.sentences(survey.untrained, of: layout).map { ("not always trained", $0) }
      + (layout.experts.map { [("experts a layer", String($0.count))] } ?? [])
      + (survey.deadExperts.isEmpty
        ? [] : [("experts without a token", DeadExperts.list(survey.deadExperts))])
    return onRun + lineage(attempts, reader.state) + onTensors + onTraining + onNumbers + onMachine
  }

  /// What the sizes of updates and outputs say over the run's last steps.
  private func findings(_ reader: RunFileReader, _ reading: GuardedReading) throws -> [(String, String)] {
    let thresholds = try FindingThresholds.parsed(thresholds)
    let updates = try reading.parameterMeans(reader).map {
      UpdateFindings($0, of: reader.manifest.gradients, thresholds: thresholds)
    }
    let outputs = try reading.outputSummary(reader, window: ParameterSurvey.window(of: reader.steps)).map {
      OutputFindings($0, thresholds: thresholds)
    }
    return ((updates?.outliers ?? []) + [updates?.lostInBF16].compactMap(\.self)).map { ("updates", $0) }
      + (outputs?.attention ?? []).map { ("attention", $0) }
      + (outputs?.sinks ?? []).map { ("attention", $0) }
      + ((outputs?.stream ?? []) + (outputs?.massive ?? [])).map { ("outputs", $0) }
  }

  /// How many there are, by stack where there are several.
  private func layers(_ layout: GradientLayout) -> String {
    let others = layout.otherStacks
    guard !others.isEmpty else { return String(layout.layerCount) }
    let own = "\(layout.layerCount) in \(layout.stackName)"
    return ([own] + others.map { "\($0.gradients.layerCount) in \($0.name) (--stack \($0.name))" })
      .joined(separator: ", ")
  }

  /// The tensors that lie in no layer of any stack.
  private func others(_ layout: GradientLayout) -> String {
    let inStacks = Set(layout.otherStacks.flatMap(\.stemIndices).compactMap { $0 })
    return layout.stemTensorNames.indices.filter { !inStacks.contains($0) }
      .map { layout.stemTensorNames[$0] }.joined(separator: ", ")
  }

  /// Where each attempt at a run began, how it ended, and on what it ran; nothing where there was one.
  private func lineage(_ attempts: [RunAttempt], _ state: RunFileReader.State) -> [(String, String)] {
    guard attempts.count > 1 else { return [] }
    let isGrowing = if case .growing = state { true } else { false }
    return attempts.map { attempt in
      let isGoingOn = isGrowing && attempt == attempts.last
      let end = attempt.end != .running ? "\(attempt.end)" : isGoingOn ? "going on" : "killed"
      return ("segment \(attempt.segment)", "from step \(attempt.firstStep) on; \(end); \(attempt.machine)")
    }
  }

  private func state(_ reader: RunFileReader) -> String {
    switch reader.state {
    case .closed where reader.status.value == .running: "stopped before its end, recovered"
    case .closed: "\(reader.status.value), closed"
    case .growing(let writer): "growing (\(writer))"
    case .killed: "its writer ended without closing it; what was flushed is here (nf-probe recover closes it)"
    }
  }

  private func steps(_ run: RecordedRun) -> String {
    guard let first = run.steps.first, let last = run.steps.last else { return "none yet" }
    return "\(run.steps.count), from \(first) to \(last)"
  }

  private func packed(_ packing: Packing) -> String {
    packing.isThinned
      ? "one step in \(packing.every) of \(packing.recordedSteps) recorded, with the smallest and largest values of those between"
      : "all \(packing.recordedSteps) recorded steps, compressed"
  }

  /// What each text and task gave at the last evaluation.
  private func evaluations(_ run: RecordedRun) -> [(String, String)] {
    run.manifest.evaluations.enumerated().map { index, layout in
      guard let last = run.evaluations.last else { return ("evaluated on", "\(layout.name): not yet") }
      return ("evaluated on", "\(layout.summary(last, at: index)) after \(last.step) updates")
    }
  }

  /// What losses are in, where the run says so.
  private func unit(_ manifest: RunManifest) -> String {
    manifest.contract.unit == NumberContract.unknown ? " (unit unknown)" : " \(manifest.contract.lossUnit)"
  }

  private func corpus(_ corpus: CorpusFacts) -> String {
    // A run recorded elsewhere need not say what it learned from.
    guard corpus.vocabularySize > 0 else { return corpus.name }
    let count = corpus.tokenCount.map { "\($0) tokens" } ?? "endless"
    let rate = corpus.entropyRate.map { ", entropy rate \(rounded($0, 4))" } ?? ""
    return "\(corpus.name), \(count), vocabulary \(corpus.vocabularySize), unigram entropy "
      + "\(rounded(corpus.unigramEntropy, 4))\(rate) nats/token"
  }
}
