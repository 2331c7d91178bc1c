import Charts
import Documents
import RealModule
import RunData
import Statistics

/// What groups of runs were evaluated to while they trained.
public struct EvaluationReport: Sendable {
  /// The groups that were evaluated.
  let groups: [RunGroup]
  /// The texts and tasks of all groups, each once.
  let layouts: [EvaluationLayout]

  /// Nil where no run was evaluated.
  public init?(groups: [RunGroup]) {
    self.groups = groups.filter { $0.runs.contains { !$0.evaluations.isEmpty } }
    guard !self.groups.isEmpty else { return nil }
    var found: [EvaluationLayout] = []
    for layout in self.groups.flatMap(\.manifest.evaluations)
    where !found.contains(where: { $0.name == layout.name }) { found.append(layout) }
    layouts = found
  }

  /// Whether any run was evaluated more than once.
  var hasCurves: Bool { groups.contains { $0.runs.contains { $0.evaluations.count > 1 } } }

  /// A row for each text or task and group: the last evaluation of each run, as means over seeds.
  public var table: Table {
    var table = Table(
      title: "Last evaluation of each run",
      columns: [
        .init("on", title: "on", kind: .text), .init("group", title: "group", kind: .text),
        .init("updates", title: "updates", kind: .integer), .init("seeds", title: "n", kind: .integer),
        .init("loss", title: "nats/token", kind: .estimate(.significant(4))),
        .init("perplexity", title: "perplexity", kind: .estimate(.significant(4)), priority: -1),
        .init("word_perplexity", title: "by word", kind: .estimate(.significant(4)), audience: .unlessEmpty),
        .init("bits_per_byte", title: "bits/byte", kind: .estimate(.significant(4)), audience: .unlessEmpty),
        .init("accuracy", title: "accuracy (%)", kind: .estimate(.decimals(1)), audience: .unlessEmpty),
      ], notes: notes)
    for layout in layouts {
      for group in groups {
        if let row = row(layout.name, group) { table.append(row) }
      }
    }
    return table
  }

  private func row(_ name: String, _ group: RunGroup) -> [Table.Cell]? {
    let last = group.runs.compactMap { $0.lastEvaluation(on: name) }
    guard !last.isEmpty, let layout = group.manifest.evaluations.first(where: { $0.name == name }) else {
      return nil
    }
    let loss = Estimate.mean(of: last.map(\.loss))
    let byWord = layout.loss(1, by: .word).map { factor in loss.mapped { Double.exp($0 * factor) } }
    let byByte = layout.bitsPerByte(1).map { factor in loss.mapped { $0 * factor } }
    let shares = last.map(\.accuracy).filter(\.isFinite)
    return [
      .text(name), .text(group.label), .integer(last.map(\.step).max() ?? 0), .integer(last.count),
      .defined(loss), .defined(loss.mapped { Double.exp($0) }), byWord.map { .defined($0) } ?? .missing,
      byByte.map { .defined($0) } ?? .missing,
      shares.isEmpty ? .missing : .defined(Estimate.mean(of: shares.map { 100 * $0 })),
    ]
  }

  private var notes: [String] {
    [
      "nats/token: of a text the mean loss of its tokens, of a task that of its right answers; perplexity: e to it; by word: e to"
        + " the loss by word as WikiText counts them. Means over n seeds, of perplexities the geometric one, from three seeds on with"
        + " Student's t interval (95 %): it says how other seeds would differ, not other texts.",
      "on: \(layouts.map(Self.counts).joined(separator: "; ")).",
    ]
  }

  /// `test.txt: 1256448 tokens, 245569 words`.
  private static func counts(_ layout: EvaluationLayout) -> String {
    let parts = [
      layout.isTask ? "\(layout.exampleCount) examples" : "\(layout.tokenCount) tokens",
      layout.wordCount > 0 ? "\(layout.wordCount) words" : nil,
      !layout.isTask && layout.byteCount > 0 ? "\(layout.byteCount) bytes" : nil,
    ].compactMap(\.self)
    return "\(layout.name): \(parts.joined(separator: ", "))"
  }
}

extension RecordedRun {
  /// What one text or task gave, in order; none where the run was not evaluated on it.
  func evaluations(on name: String) -> [(step: Int, loss: Double, accuracy: Double)] {
    guard let index = manifest.evaluations.firstIndex(where: { $0.name == name }) else { return [] }
    return evaluations.map { ($0.step, $0.losses[index], $0.accuracies[index]) }
  }

  /// The last of them.
  func lastEvaluation(on name: String) -> (step: Int, loss: Double, accuracy: Double)? {
    evaluations(on: name).last
  }
}
