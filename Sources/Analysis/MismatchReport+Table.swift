import Charts
import Documents
import RunData
import Statistics

extension MismatchReport {
  /// One row a group: loss, mean gradient of the layers shown, early/late, spread and slope with intervals.
  public var table: Table {
    let layers = Set(entries.flatMap(shownLayers)).sorted()
    var table = Table(
      title:
        "\(statistic.isOfGradient ? "Gradient mismatch" : "Mismatch") of \(operation), \(statisticTitle) over \(window.title)",
      columns: columns(layers: layers), notes: notes)
    for entry in entries { table.append(row(entry, layers: layers)) }
    return table
  }

  private func columns(layers: [Int]) -> [Table.Column] {
    let loss = [
      Table.Column("architecture", title: "architecture", kind: .text),
      Table.Column("loss", title: "loss", kind: .number(.decimals(3))),
      Table.Column("unigram_entropy", title: "unigram", kind: .number(.decimals(3)), audience: .data),
      Table.Column("entropy_rate", title: "floor", kind: .number(.decimals(3)), audience: .data),
    ]
    // Where a terminal is too narrow, the middle layers go first and the mismatch itself last.
    let means = layers.enumerated().map { place, layer in
      Table.Column(
        "layer_\(layer)", title: "m_\(layer)", kind: .number(.significant(3)),
        priority: place == 0 || place == layers.count - 1 ? 1 : 0)
    }
    let statistics = [
      Table.Column("early_late", title: "early/late", kind: .estimate(.significant(3)), priority: 3),
      Table.Column("spread", title: "spread", kind: .estimate(.significant(3)), priority: 3),
      Table.Column("slope", title: "slope", kind: .estimate(.decimals(2)), priority: 2),
      Table.Column("interval", title: "n", kind: .text),
      Table.Column("mark", title: "mark", kind: .text, audience: .unlessEmpty, priority: 2),
    ]
    return loss + means + statistics
  }

  private func row(_ entry: Entry, layers: [Int]) -> [Table.Cell] {
    let loss = entry.loss
    let start: [Table.Cell] = [
      .text(entry.group.label), .number(loss.loss),
      loss.unigramEntropy.isNaN ? .missing : .number(loss.unigramEntropy),
      loss.entropyRate.map(Table.Cell.number) ?? .missing,
    ]
    guard let mismatch = entry.mismatch else {
      let blank = Array(repeating: Table.Cell.missing, count: layers.count + 4)
      return start + blank + [mark(entry)]
    }
    let means = layers.map { layer in
      mismatch.layers.firstIndex(of: layer).map { Table.Cell.number(mismatch.means[$0].value) } ?? .missing
    }
    return start + means + [
      .estimate(mismatch.earlyLate), .estimate(mismatch.spread), .estimate(mismatch.slope),
      .text(mismatch.method.summary), mark(entry),
    ]
  }

  private func mark(_ entry: Entry) -> Table.Cell {
    var marks = entry.loss.mark.map { [$0] } ?? []
    if entry.mismatch == nil { marks.append("not measured") }
    let hasNonfinite = entry.mismatch?.caveats.contains { if case .nonfinite = $0 { true } else { false } }
    if hasNonfinite == true { marks.append("non-finite") }
    return .text(marks.joined(separator: ", "))
  }

  /// What is shown of each gradient, in words.
  var statisticTitle: String { statistic.title }

  private var notes: [String] {
    definitionNotes + windowNotes + intervalNotes + lossNotes + contractNotes + entryNotes
  }

  private var definitionNotes: [String] {
    let averaging =
      entries.contains { $0.group.runs.count > 1 } ? "; over several seeds the geometric mean" : ""
    return [
      "m_l: the mean \(statistic.rawValue) (\(statisticTitle)) of \(statistic.subject(operation)) in layer l over the"
        + " window's recorded steps\(averaging). early/late = m_0 / m_(L-1); spread = max m / min m; slope ="
        + " least-squares slope of log10 m_l against l/(L-1), in decades over the depth."
    ]
  }

  /// Where the window was not asked for and some runs are shorter than others, what it was taken from.
  private var windowNotes: [String] {
    let ends = entries.flatMap(\.group.runs).compactMap { run in run.steps.last.map { (run, $0) } }
    guard isDefaultWindow, Set(ends.map(\.1)).count > 1, let shortest = ends.min(by: { $0.1 < $1.1 }) else {
      return []
    }
    return [
      "The window is the second half of the steps that all runs have reached; the shortest run,"
        + " \(runLabel(shortest.0.manifest)), ends at step \(shortest.1)."
    ]
  }

  private var intervalNotes: [String] {
    let methods = entries.compactMap { $0.mismatch?.method }
    var notes: [String] = []
    if methods.contains(where: { if case .seeds = $0 { true } else { false } }) {
      notes.append("95 % intervals over seeds: Student's t on the logarithm, n - 1 degrees of freedom.")
    }
    let records = methods.compactMap { if case .steps(_, let records, _) = $0 { records } else { nil } }
    if let most = records.max() {
      let atLeast = BlockLength.atLeast(1, of: most) > 1 ? ", at least the thousandth part of a window" : ""
      notes.append(
        "95 % intervals over steps: moving-block bootstrap, \(BlockBootstrap.resampleCount) resamples,"
          + " percentiles expanded for few blocks; in parentheses the block length in recorded steps, by Politis and"
          + " White's rule\(atLeast). They say nothing about another seed.")
    }
    return notes
  }

  private var lossNotes: [String] {
    var corpora: [CorpusFacts] = []
    for corpus in entries.map(\.group.manifest.corpus)
    where !corpora.contains(where: { $0.sha256 == corpus.sha256 && $0.name == corpus.name }) {
      corpora.append(corpus)
    }
    let floors = corpora.map(\.namedFloors)
    var notes = [
      "loss: mean training loss over the last \(entries[0].loss.recordCount) recorded steps of the window, "
        + "\(lossUnit). Floors\(lossUnit == "nats/token" ? "" : " (nats/token)"): \(floors.joined(separator: "; "))."
    ]
    if entries.contains(where: { $0.loss.mark != nil }) {
      notes.append("not learning yet: that loss is not below the unigram entropy of the corpus.")
    }
    return notes
  }

  private var lossUnit: String {
    let units = Set(entries.map(\.group.manifest.contract.lossUnit))
    return units.count == 1
      ? units.first ?? "" : "each in its own unit (\(units.sorted().joined(separator: "; ")))"
  }

  private var contractNotes: [String] {
    let contract = entries[0].group.manifest.contract
    let mixed = entries.contains { $0.group.manifest.contract != contract }
    if mixed {
      return ["These runs were recorded under different number contracts; comparing them was asked for."]
    }
    return [
      "Gradient of the \(contract.reduction) \(contract.loss) over the \(contract.scope) (\(contract.unit),"
        + " \(contract.objective)), scale \(contract.gradientScale), \(contract.measuredAt)."
    ]
  }

  private var entryNotes: [String] {
    entries.flatMap { entry -> [String] in
      if let problem = entry.problem { return ["\(entry.group.label): \(problem)."] }
      return (entry.mismatch?.caveats ?? []).map { "\(entry.group.label): \($0)." }
    }
  }
}
