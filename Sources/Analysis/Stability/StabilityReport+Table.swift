import Documents
import RunData

extension StabilityReport {
  /// One row a group: the paper's Table 4 with the range over seeds.
  public var table: Table {
    var table = Table(title: title, columns: Self.groupColumns, notes: notes)
    for entry in entries {
      let rates = entry.outcomes.map(\.peakRate)
      table.append([
        .text(entry.group.label), .integer(entry.outcomes.count), .number(entry.medianPeakRate),
        .number(rates.min() ?? .nan), .number(rates.max() ?? .nan), .number(entry.medianUpdates),
        .text(Entry.counts(entry.outcomes.map(\.ending.rawValue))),
        Self.cell(entry.failedOperations), Self.cell(entry.failedLayers),
        .text(Self.marks(entry.outcomes)),
      ])
    }
    return table
  }

  /// One row a run.
  public var longTable: Table {
    var table = Table(title: title, columns: Self.runColumns, notes: notes)
    for entry in entries {
      for outcome in entry.outcomes {
        let failed = outcome.failed
        table.append([
          .text(entry.group.label), .text(String(outcome.manifest.seed)), .text(outcome.manifest.runID),
          .number(outcome.peakRate), .integer(outcome.updates), .text(outcome.ending.rawValue),
          failed.map { .text($0.name) } ?? .missing, Self.cell(failed?.layer),
          Self.cell(outcome.failedAfter), .number(outcome.lastLoss),
          outcome.largest.map { .number($0.maxAbs) } ?? .missing,
          outcome.largest.map { .text($0.place.name) } ?? .missing, Self.cell(outcome.largest?.place.layer),
          .text(Self.marks([outcome])),
        ])
      }
    }
    return table
  }

  private static let groupColumns = [
    Table.Column("architecture", title: "architecture", kind: .text),
    Table.Column("runs", title: "seeds", kind: .integer),
    rate("peak_learning_rate", "peak LR"), rate("peak_learning_rate_min", "min"),
    rate("peak_learning_rate_max", "max"),
    Table.Column("last_step", title: "last step", kind: .number(.decimals(0))),
    Table.Column("ending", title: "ending", kind: .text),
    Table.Column("failed_operation", title: "failed operation", kind: .text),
    Table.Column("failed_layer", title: "layer", kind: .text),
    Table.Column("mark", title: "mark", kind: .text, audience: .unlessEmpty),
  ]

  private static let runColumns = [
    Table.Column("architecture", title: "architecture", kind: .text),
    Table.Column("seed", title: "seed", kind: .text), Table.Column("run_id", title: "run", kind: .text),
    rate("peak_learning_rate", "peak LR"),
    Table.Column("last_step", title: "last step", kind: .integer),
    Table.Column("ending", title: "ending", kind: .text),
    Table.Column("failed_operation", title: "failed operation", kind: .text),
    Table.Column("failed_layer", title: "layer", kind: .integer),
    Table.Column("overflow_step", title: "overflow at", kind: .integer),
    Table.Column("loss", title: "loss", kind: .number(.decimals(3))),
    Table.Column("largest_output", title: "largest output", kind: .number(.significant(3))),
    Table.Column("largest_operation", title: "its operation", kind: .text),
    Table.Column("largest_layer", title: "its layer", kind: .integer),
    Table.Column("mark", title: "mark", kind: .text, audience: .unlessEmpty),
  ]

  private static func rate(_ key: String, _ title: String) -> Table.Column {
    Table.Column(key, title: title, kind: .number(.significant(3)))
  }

  private static func cell(_ number: Int?) -> Table.Cell { number.map { .integer($0) } ?? .missing }

  private static func cell(_ text: String) -> Table.Cell { text.isEmpty ? .missing : .text(text) }

  /// What a reader must not take the rates for, with the count where it holds of some runs only.
  private static func marks(_ outcomes: [StabilityOutcome]) -> String {
    func mark(_ words: String, _ count: Int) -> String? {
      guard count > 0 else { return nil }
      return count < outcomes.count ? "\(words) (\(count) of \(outcomes.count))" : words
    }
    return [
      mark("lower bound", outcomes.count { !$0.ending.isFailure }),
      mark("not learning", outcomes.count { !$0.isLearning }),
    ].compactMap(\.self).joined(separator: ", ")
  }

  private var title: String { "Learning rates at which training destabilises" }

  private var notes: [String] {
    var notes = [
      "peak LR: rate of the last update made, median over seeds, with the lowest and the highest; last step: updates"
        + " made. The rate rises linearly from 0: slope times the update.",
      "failed operation: the first output beyond the range, in the order of the forward pass (65504, the largest number"
        + " of fp16; for runs in bf16 its own); self_attn.logits are the scaled products q·k before softmax; layer"
        + " `after`: after the last one.",
    ]
    if outcomes.contains(where: { $0.ending == .diverged }) {
      notes.append(
        "diverged: the mean loss of the last 20 steps was more than the margin (divergence-margin of the run's"
          + " configuration) above the lowest such mean, and above the unigram entropy.")
    }
    if outcomes.contains(where: { $0.ending == .lossScaleExhausted }) {
      notes.append(
        "loss scale exhausted: gradients overflowed until the loss scale could not be halved once more.")
    }
    if outcomes.contains(where: { !$0.ending.isFailure }) {
      notes.append("lower bound: these runs ended without failing.")
    }
    if outcomes.contains(where: { !$0.isLearning }) {
      notes.append(
        "not learning: at its end, over 20 steps, the loss was not below the unigram entropy of the corpus; such a"
          + " model knows nothing but frequencies, and a rate that it bears trains nothing.")
    }
    return notes
  }
}

extension StabilityReport.Entry {
  /// The operations that overflowed first, the most frequent first; empty where none did.
  var failedOperations: String { Self.counts(outcomes.compactMap(\.failed?.name)) }

  /// The failed layer of each seed, or of all where they agree; `after` the last one.
  var failedLayers: String {
    let layers = outcomes.compactMap(\.failed).map { $0.layer.map(String.init) ?? "after" }
    return Set(layers).count == 1 ? layers[0] : layers.joined(separator: ", ")
  }

  /// `overflow`, or where they differ `overflow 2, diverged 1`.
  fileprivate static func counts(_ names: [String]) -> String {
    var counts: [(name: String, count: Int)] = []
    for name in names {
      if let index = counts.firstIndex(where: { $0.name == name }) {
        counts[index].count += 1
      } else {
        counts.append((name, 1))
      }
    }
    if counts.count == 1 { return counts[0].name }
    return counts.enumerated().sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }
      .map { "\($0.element.name) \($0.element.count)" }.joined(separator: ", ")
  }
}
