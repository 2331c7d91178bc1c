import Charts
import Documents
import RunData
import Statistics

extension RunReport {
  /// Training and held-out loss.
  var lossSection: Document.Section {
    Document.Section("loss", "Loss", trainingBlocks + validationBlocks)
  }

  private var trainingBlocks: [Document.Block] {
    let shown = groups.filter { $0.runs.contains { !$0.steps.isEmpty } }
    guard !shown.isEmpty else { return [.absence(noTraining ?? "no run has recorded a step.")] }
    let panels = GroupCurves(title: "training loss (\(lossUnit))", yKind: .log10, levels: floorMarks) {
      $0.loss
    }
    .panels(of: shown)
    let figure = Figure(
      width: .page, rows: rows(panels, columns: 3), panelHeight: panels.count > 1 ? 120 : 150,
      notes: GroupCurves.notes(on: shown),
      metadata: metadata(
        "Training loss over the steps: \(shown.map(\.label).joined(separator: ", "))",
        "One line a group of runs, logarithmic vertical axis, with the floors of the corpus."))
    return [
      .figure(
        Document.FigurePart(
          "loss", figure,
          caption: "Training loss of each group, \(lossUnit)"
            + (floorMarks.isEmpty ? "." : ", with the floors of the corpus as dashed lines.")))
    ]
  }

  /// What the losses of all groups are in.
  var lossUnit: String {
    let units = Set(allGroups.map(\.group.manifest.contract.lossUnit))
    return units.count == 1 ? units.first ?? "" : "each in its own unit"
  }

  /// Where all runs learn from one text.
  private var floorMarks: [ReferenceMark] {
    let texts = Set(groups.map(\.manifest.corpus.sha256))
    guard texts.count == 1, groups.allSatisfy(\.manifest.contract.isNatsPerToken),
      let corpus = groups.first?.manifest.corpus
    else { return [] }
    let unigram =
      corpus.unigramEntropy.isNaN ? [] : [ReferenceMark("unigram entropy", at: corpus.unigramEntropy)]
    return unigram
      + (corpus.entropyRate.map { [ReferenceMark("entropy rate", at: $0, color: .black, dash: [1, 1.5])] }
        ?? [])
  }

  /// Why nothing about training is shown; nil where there are runs that train.
  var noTraining: String? {
    groups.isEmpty ? "all runs are stability tests, whose learning rate rises until training fails." : nil
  }

  /// Panels side by side.
  func rows(_ panels: [Panel], columns: Int) -> [[Panel]] {
    let columns = min(columns, max(1, panels.count))
    return stride(from: 0, to: panels.count, by: columns).map {
      Array(panels[$0..<min($0 + columns, panels.count)])
    }
  }

  // MARK: - Held-out text

  private var validationBlocks: [Document.Block] {
    guard let report = perplexityReport else {
      let isValidated = groups.contains { $0.runs.contains { !$0.validation.isEmpty } }
      let reason =
        isValidated
        ? "held-out perplexity: the losses are not known to be mean token losses in nats (\(lossUnit))."
        : "no run was validated on held-out text (--validation or --hold-out)."
      return [.absence(noTraining ?? reason)]
    }
    var blocks: [Document.Block] = [.table(Document.TablePart("perplexity", validationTable(report)))]
    if report.cells.contains(where: { $0.runs.contains { $0.validation.count > 1 } }),
      let figure = report.curveFigure(program: options.program, command: options.command)
    {
      blocks.append(
        .figure(
          Document.FigurePart(
            "perplexity", figure, caption: "Held-out perplexity over the steps, group by group.")))
    } else {
      blocks.append(
        .absence(
          "held-out perplexity over the steps: each run was validated once, at its end (--validate-every gives more)."
        ))
    }
    return blocks
  }

  /// The groups that were validated, in nats, as the cells of a grid; nil without any.
  private var perplexityReport: SweepReport? {
    let validated = groups.indices.filter { index in
      groups[index].manifest.contract.isNatsPerToken && groups[index].runs.contains { !$0.validation.isEmpty }
    }
    guard !validated.isEmpty else { return nil }
    let cells = validated.map { index in
      let group = groups[index]
      let planned = ConfigurationKeys(json: group.manifest.configurationJSON).values["steps"].flatMap {
        Int($0)
      }
      return SweepCell(
        values: [group.label], runs: group.runs,
        plannedSteps: planned ?? group.runs.compactMap(\.validation.last?.step).max() ?? 0,
        operationsPerStep: .nan, timedSecondsPerStep: nil)
    }
    let seeds = Set(cells.flatMap { $0.runs.map(\.manifest.seed) }).sorted()
    return SweepReport(
      title: "Held-out perplexity", axes: ["group"], cells: cells, budget: .steps, seeds: seeds,
      baseline: cells.count > 1 ? commonBase.flatMap { validated.firstIndex(of: $0) } : nil, chosenAxis: nil)
  }

  private func validationTable(_ report: SweepReport) -> Table {
    var table = Table(
      title: "Held-out perplexity at the end of training",
      columns: [
        Table.Column("group", title: "group", kind: .text),
        Table.Column("updates", title: "updates", kind: .integer),
        Table.Column("seeds", title: "n", kind: .integer),
        Table.Column("perplexity", title: "perplexity", kind: .estimate(.significant(4))),
        Table.Column("ratio", title: "/ base", kind: .estimate(.significant(4)), audience: .unlessEmpty),
        Table.Column("base", title: "base", kind: .text, audience: .unlessEmpty),
        Table.Column("note", title: "note", kind: .text, audience: .unlessEmpty),
      ],
      notes: [
        "perplexity: e to the loss of the last validation of runs that made all of their steps, geometric mean over n"
          + " seeds, from three seeds on with Student's t interval (95 %) on the loss."
      ])
    if report.cells.contains(where: { baseCell(of: $0, in: report) != nil }) {
      table.notes.append("/ base: over the base's perplexity, on the seeds that both have.")
    }
    for cell in report.cells {
      let base = baseCell(of: cell, in: report)
      table.append([
        .text(cell.label), .integer(cell.plannedSteps), .integer(cell.finalLosses.count),
        Self.cell(report.perplexity(of: cell)),
        base.map { Self.cell(report.ratio(of: cell, to: $0)) } ?? .missing,
        base.map { .text($0.label) } ?? .missing,
        .text(cell.shortcomings(seeds: cell.runs.map(\.manifest.seed)).joined(separator: "; ")),
      ])
    }
    return table
  }

  /// What a group is compared with; nil where that was not validated, or learned from another text.
  private func baseCell(of cell: SweepCell, in report: SweepReport) -> SweepCell? {
    guard let own = groups.firstIndex(where: { $0.label == cell.label }), bases[own] != own,
      groups[own].manifest.corpus.sha256 == groups[bases[own]].manifest.corpus.sha256
    else { return nil }
    return report.cells.first { $0.label == groups[bases[own]].label }
  }

  private static func cell(_ value: Estimate) -> Table.Cell {
    value.value.isNaN ? .missing : .estimate(value)
  }
}
