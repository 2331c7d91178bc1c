import Documents
import RealModule
import RunData
import Statistics

extension SweepReport {
  /// One row a combination: steps, cost, final perplexity, and its ratio to the baseline's.
  public var table: Table {
    var table = Table(
      title: title,
      columns: axisColumns + [
        Table.Column("steps", title: "steps", kind: .integer),
        Table.Column("cost", title: costKind.title, kind: .number(.significant(4))),
        Table.Column("seeds", title: "n", kind: .integer),
        Table.Column("perplexity", title: "perplexity", kind: .estimate(.significant(4)), priority: 1),
        Table.Column(
          "ratio", title: "/ baseline", kind: .estimate(.significant(4)), audience: .unlessEmpty, priority: 1),
        Table.Column("note", title: "", kind: .text, audience: .unlessEmpty),
      ], notes: notes)
    for (index, cell) in cells.enumerated() {
      table.append(
        cell.values.map { .text($0) } + [
          .integer(cell.plannedSteps), .number(cell.cost(ofUpdates: cell.plannedSteps, in: costKind)),
          .integer(cell.finalLosses.count), .defined(perplexity(of: cell)), ratioCell(index),
          .text(note(on: cell)),
        ])
    }
    return table
  }

  /// One row a combination of the other axes: the best value of the chosen one (the paper's Table 1); nil without one.
  public var choiceTable: Table? {
    guard let chosenAxis else { return nil }
    let others = axes.indices.filter { $0 != chosenAxis }
    var table = Table(
      title: "Best \(axes[chosenAxis]) by final held-out perplexity",
      columns: others.map { Table.Column(axes[$0], title: axes[$0], kind: .text) } + [
        Table.Column("best", title: "best \(axes[chosenAxis])", kind: .text),
        Table.Column("perplexity", title: "perplexity", kind: .estimate(.significant(4)), priority: 1),
        Table.Column("second", title: "second best", kind: .text),
        Table.Column("ratio", title: "second / best", kind: .estimate(.significant(4))),
        Table.Column("note", title: "", kind: .text, audience: .unlessEmpty),
      ],
      notes: [
        "second / best: on paired seeds; where its interval reaches 1, the choice between the two is open."
      ])
    for choice in choices {
      let ranked = choice.cells.filter { !perplexity(of: cells[$0]).value.isNaN }
        .sorted { perplexity(of: cells[$0]).value < perplexity(of: cells[$1]).value }
      let labels = others.map { Table.Cell.text(cells[choice.cells[0]].values[$0]) }
      guard let best = ranked.first else {
        table.append(labels + [.missing, .missing, .missing, .missing, .text("no run ended well")])
        continue
      }
      let second = ranked.dropFirst().first
      table.append(
        labels + [
          .text(cells[best].values[chosenAxis]), .defined(perplexity(of: cells[best])),
          second.map { .text(cells[$0].values[chosenAxis]) } ?? .missing,
          second.map { .defined(ratio(of: cells[$0], to: cells[best])) } ?? .missing,
          .text(choice.isAtEdge ? "at the edge of the grid" : ""),
        ])
    }
    return table
  }

  /// One row a cell that reaches the baseline's lowest loss: at what share of the baseline's cost; nil without any.
  public var crossingTable: Table? {
    let found = crossings
    guard !found.isEmpty, let reference = referenceCell else { return nil }
    var table = Table(
      title: "Where the lowest held-out loss of \(cells[reference].label) is reached",
      columns: axisColumns + [
        Table.Column("cost", title: budget.title, kind: .number(.significant(4))),
        Table.Column("share", title: "share of the baseline's", kind: .estimate(.significant(3))),
        Table.Column("seeds_reaching", title: "seeds reaching", kind: .integer),
        Table.Column("seeds", title: "of", kind: .integer),
      ],
      notes: [
        "Read at validations. Mean over the seeds that reach it, with \(intervals.clause) from \(intervals.fewestSeeds == 3 ? "three" : "four") seeds on."
      ]
    )
    for crossing in found {
      table.append(
        cells[crossing.cell].values.map { .text($0) } + [
          .number(crossing.cost), .defined(crossing.share), .integer(crossing.seedsReaching),
          .integer(crossing.seedCount),
        ])
    }
    return table
  }

  /// One row a run, for programs.
  public var runTable: Table {
    var table = Table(
      title: title,
      columns: axisColumns + [
        Table.Column("seed", title: "seed", kind: .integer),
        Table.Column("run_id", title: "run", kind: .text),
        Table.Column("status", title: "status", kind: .text),
        Table.Column("steps", title: "steps", kind: .integer),
        Table.Column("tokens", title: "tokens", kind: .integer),
        Table.Column("flops", title: "PFLOP", kind: .number(.significant(4))),
        Table.Column("seconds_per_step", title: "s/step", kind: .number(.significant(4))),
        Table.Column("validation_loss", title: "loss", kind: .number(.significant(5))),
        Table.Column("perplexity", title: "perplexity", kind: .number(.significant(5))),
      ])
    for cell in cells {
      for run in cell.runs {
        let updates = run.updatesMade
        let loss = cell.finalLosses[run.manifest.seed]
        table.append(
          cell.values.map { .text($0) } + [
            .integer(Int(clamping: run.manifest.seed)), .text(run.manifest.runID), .text("\(run.status)"),
            .integer(updates), .integer(tokens(of: run, updates: updates)),
            .number(cell.cost(ofUpdates: updates, in: .flops)),
            .number(cell.timedSecondsPerStep ?? median(run.seconds)),
            loss.map { .number($0) } ?? .missing, loss.map { .number(Double.exp($0)) } ?? .missing,
          ])
      }
    }
    return table
  }

  /// Tokens predicted so far; a masked objective's differ from step to step, and of steps that were not recorded they are taken
  /// as the recorded ones' mean.
  private func tokens(of run: RecordedRun, updates: Int) -> Int {
    guard !run.tokens.isEmpty else { return 0 }
    return Int((Double(run.tokens.reduce(0, +)) / Double(run.tokens.count) * Double(updates)).rounded())
  }

  // MARK: - Parts

  private var axisColumns: [Table.Column] { axes.map { Table.Column($0, title: $0, kind: .text) } }

  /// Beside equal steps, operations: what steps took of the clock depends on what else ran on the machine.
  private var costKind: SweepBudget { budget == .steps ? .flops : budget }

  private func ratioCell(_ index: Int) -> Table.Cell {
    guard let baseline, index != baseline else { return .missing }
    return .defined(ratio(of: cells[index], to: cells[baseline]))
  }

  private func note(on cell: SweepCell) -> String {
    var parts = cell.shortcomings(seeds: seeds)
    let notLearning = cell.seedsNotLearning.count
    if notLearning > 0 { parts.append("not learning yet (\(notLearning) of \(cell.finalLosses.count))") }
    return parts.joined(separator: "; ")
  }

  var notes: [String] {
    var notes = [
      "perplexity: e to the mean \(finalLossWords) over n seeds"
        + (seeds.count >= intervals.fewestSeeds
          ? ", 95 % interval by \(intervals.words)."
          : "; intervals need \(intervals.fewestSeeds == 3 ? "three" : "four") seeds.")
    ]
    if let baseline {
      notes.append("/ baseline: over that of \(cells[baseline].label), on paired seeds.")
    }
    switch budget {
    case .steps: notes.append("Equal steps.")
    case .flops:
      notes.append(
        "Equal floating-point operations of matrix products and attention; what norms and scales cost is not among them."
      )
    case .seconds:
      notes.append("Equal training time, at the seconds a step of each took when all were timed in turn.")
    }
    return notes
  }
}
