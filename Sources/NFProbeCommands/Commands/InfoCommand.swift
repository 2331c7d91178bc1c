import Analysis
import ArgumentParser
import RunData
import RunFile

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

  @Option(help: "How the facts are printed: table, csv, json, markdown or latex.")
  var format: TableFormat = .table

  func run() throws {
    try GuardedReading.run([file]) { reading in
      let reader = try reading.open(file)
      show(reader, try reading.read(reader, tensors: []))
    }
  }

  private func show(_ reader: RunFileReader, _ run: RecordedRun) {
    var table = Table(
      title: file,
      columns: [
        Table.Column("fact", title: "", kind: .text), Table.Column("value", title: "", kind: .text),
      ])
    for (name, value) in facts(reader, run) { table.append([.text(name), .text(value)]) }
    Console(isQuiet: false).print(table.rendered(as: format))
  }

  private func facts(_ reader: RunFileReader, _ run: RecordedRun) -> [(String, String)] {
    let manifest = run.manifest
    let layout = manifest.gradients
    let last = run.loss.last.map { rounded($0, 4) } ?? "none yet"
    return [
      ("run", manifest.runID), ("architecture", manifest.architecture),
      ("state", state(reader)), ("started", manifest.startedAt),
      ("steps", steps(run)), ("segments", String(Set(run.segments).count)),
      ("last loss", "\(last) nats/token"),
      (
        "validation",
        run.validation.last.map { "\(rounded($0.loss, 4)) nats/token after \($0.step) updates" } ?? "none"
      ),
      ("layers", String(layout.layerCount)), ("tensors a layer", layout.tensorNames.joined(separator: ", ")),
      ("other tensors", layout.stemTensorNames.joined(separator: ", ")),
      ("elements", String(layout.elementCounts.reduce(0, +) + layout.stemElementCounts.reduce(0, +))),
      ("scales", manifest.scales.map(\.name).joined(separator: ", ")),
      (
        "activations",
        manifest.operationNames.isEmpty ? "not recorded" : manifest.operationNames.joined(separator: ", ")
      ),
      ("corpus", corpus(manifest.corpus)), ("corpus SHA-256", manifest.corpus.sha256),
    ] + manifest.contract.labels.map { ("gradient \($0.name)", $0.value) } + [
      ("program", manifest.machine.program), ("processor", manifest.machine.cpu),
      ("matrix products", manifest.machine.blas), ("threads", String(manifest.machine.threads)),
      ("seed", String(manifest.seed)), ("configuration", manifest.configurationJSON),
    ]
  }

  private func state(_ reader: RunFileReader) -> String {
    switch reader.state {
    case .closed: "\(reader.status.value), closed"
    case .growing(let writer): "growing (\(writer))"
    case .killed: "its writer ended without closing it; what was flushed is here"
    }
  }

  private func steps(_ run: RecordedRun) -> String {
    guard let first = run.steps.first, let last = run.steps.last else { return "none yet" }
    return "\(run.steps.count), from \(first) to \(last)"
  }

  private func corpus(_ corpus: CorpusFacts) -> String {
    let count = corpus.tokenCount.map { "\($0) tokens" } ?? "endless"
    let rate = corpus.entropyRate.map { ", entropy rate \(rounded($0, 4))" } ?? ""
    return "\(corpus.name), \(count), vocabulary \(corpus.vocabularySize), unigram entropy "
      + "\(rounded(corpus.unigramEntropy, 4))\(rate) nats/token"
  }
}
