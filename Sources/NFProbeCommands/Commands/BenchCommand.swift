import Analysis
import ArgumentParser
import CommandOptions
import CommandSupport
import Corpus
import Documents
import Experiments
import Foundation
import Kernels
import RunData
import Text
import Transformer

/// `nf-probe bench`: how long a step takes here, and what of it.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Time training steps and what recording adds to them.",
    discussion: """
      Steps that record and steps that do not take turns, so that a machine whose speed drifts treats both alike. The share \
      of the step that matrix products alone would take is read against the rate of such products measured in the same run.

      Examples:
        nf-probe bench
        nf-probe bench --size 125M --sequence 256 --batch 4 --pairs 10
        nf-probe bench --dim 192 --heads 6 --sequence 128 --json
      """)

  @Option(help: "The architecture.")
  var architecture: ArchitectureChoice = .normFormer

  @Option(help: "Pairs of steps, one that records and one that does not; --steps has no effect here.")
  var pairs = 50

  @Flag(help: "Print one JSON object with everything that was measured.")
  var json = false

  @Option(help: "How the table is printed.")
  var format: TableFormat = .table

  @OptionGroup var options: RunOptions

  func validate() throws {
    guard (5...1_000_000).contains(pairs) else {
      throw ValidationError("--pairs must be between 5 and 1000000, not \(pairs)")
    }
  }

  func run() throws {
    let request = options.request()
    let corpus = try request.openCorpus()
    let run = try request.plan(architecture, seed: options.training.seed, corpus: corpus)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "nf-probe-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    StopSignal.watch()
    let benchmark = Benchmark(
      run: run, corpus: corpus, team: Team(threadCount: options.machine.threadCount), pairCount: pairs)
    let result = try benchmark.measure(in: folder)
    let console = Console(isQuiet: false)
    if let cost = ProcessorChoice.costOfChoice { console.warn(cost) }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      console.print(String(decoding: try encoder.encode(result), as: UTF8.self))
    } else {
      console.print([table(result)], as: format)
    }
  }

  private func table(_ result: BenchmarkResult) -> Table {
    var table = Table(
      title: "\(result.architecture), \(result.parameters) parameters, \(result.tokensPerStep) tokens a step",
      columns: [
        Table.Column("part", title: "part of a step", kind: .text),
        Table.Column("milliseconds", title: "ms", kind: .number(.significant(3))),
        Table.Column("share", title: "% of the step", kind: .number(.decimals(1))),
      ])
    let step = result.stepSeconds[1]
    func row(_ name: String, _ seconds: Double) {
      table.append([.text(name), .number(1000 * seconds), .number(100 * seconds / step)])
    }
    row("whole step, recording included (median)", step)
    for part in StepPart.allCases { row(part.rawValue, result.partSeconds[part.rawValue] ?? 0) }
    row("the floor: its products at the rate measured alone", result.stepOperations / result.productRate)
    row("recording, by paired steps", result.recordingSeconds)
    table.notes = notes(result)
    return table
  }

  private func notes(_ result: BenchmarkResult) -> [String] {
    let interval = result.recordingInterval.map { rounded(100 * $0 / result.stepSeconds[1], 2) }
    return [
      "\(Int(result.tokensPerSecond)) tokens a second; quartiles of the step "
        + result.stepSeconds.map { rounded(1000 * $0, 2) }.joined(separator: ", ")
        + " ms, \(result.steps) steps.",
      "Recording costs \(rounded(100 * result.recordingSeconds / result.stepSeconds[1], 2)) % of a step, 95 % "
        + "interval [\(interval.joined(separator: ", "))] (median of \(result.recordingPairs) pairs).",
      "\(result.kernels), \(counted(result.threads, "thread")), products of \(result.productFormat) at "
        + "\(rounded(result.productRate / 1e9, 0)) GFLOP/s; peak memory \(rounded(Double(result.peakBytes) / 1e6, 0)) MB.",
      "\(result.processor); \(result.program).",
    ]
  }
}
