import Documents
import RunData
import Statistics
import Text

extension FineTuningReport {
  /// A row a checkpoint, a column a task: the median over the seeds at the best learning rate.
  public var table: Table {
    let columns = tasks.map {
      Table.Column($0.rawValue.replacing("-", with: "_"), title: $0.title, kind: .estimate(.decimals(1)))
    }
    let average =
      tasks.count > 1 ? [Table.Column("average", title: "average", kind: .number(.decimals(1)))] : []
    var table = Table(
      title: "Fine-tuned on GLUE, held-out examples, %",
      columns: [.init("checkpoint", title: "checkpoint", kind: .text)] + columns + average, notes: notes)
    for checkpoint in checkpoints {
      let medians = tasks.map { task in
        best(checkpoint, task).map { MedianInterval.estimate(of: $0.values) } ?? .undefined
      }
      let mean = medians.reduce(0) { $0 + $1.value } / Double(max(1, medians.count))
      table.append(
        [.text(checkpoint)] + medians.map { .defined($0) }
          + (average.isEmpty ? [] : [mean.isNaN ? .missing : .number(mean)]))
    }
    return table
  }

  /// A row for each checkpoint, task and learning rate.
  public var gridTable: Table {
    var table = Table(
      title: "By learning rate, %",
      columns: [
        .init("checkpoint", title: "checkpoint", kind: .text), .init("task", title: "task", kind: .text),
        .init("metric", title: "metric", kind: .text),
        .init("learning_rate", title: "learning rate", kind: .number(.significant(3))),
        .init("seeds", title: "seeds", kind: .integer),
        .init("broke_off", title: "broke off", kind: .integer, audience: .unlessEmpty),
        .init("median", title: "median", kind: .estimate(.decimals(1))),
        .init("lowest", title: "lowest", kind: .number(.decimals(1))),
        .init("highest", title: "highest", kind: .number(.decimals(1))),
        .init("best", title: "best", kind: .text),
      ])
    for checkpoint in checkpoints {
      for task in tasks {
        let best = best(checkpoint, task)?.learningRate
        for cell in cells(checkpoint, task) {
          let finite = cell.values.filter { $0 > -.infinity }
          let failed = cell.values.count - finite.count
          let estimate = MedianInterval.estimate(of: cell.values)
          table.append([
            .text(checkpoint), .text(task.title), .text(cell.metric.title), .number(cell.learningRate),
            .integer(cell.values.count), failed > 0 ? .integer(failed) : .missing,
            estimate.value > -.infinity ? .estimate(estimate) : .missing,
            finite.min().map { .number($0) } ?? .missing, finite.max().map { .number($0) } ?? .missing,
            .text(cell.learningRate == best ? "yes" : ""),
          ])
        }
      }
    }
    return table
  }

  /// A row for each run: every metric of its task after the epoch in which the task's own was highest.
  public var runTable: Table {
    let metrics = TaskMetric.allCases.filter { metric in tasks.contains { $0.metrics.contains(metric) } }
    var columns: [Table.Column] = [
      .init("checkpoint", title: "checkpoint", kind: .text), .init("task", title: "task", kind: .text),
      .init("learning_rate", title: "learning rate", kind: .number(.significant(3))),
      .init("seed", title: "seed", kind: .integer),
      .init("epoch", title: "epoch", kind: .number(.decimals(1))),
      .init("updates", title: "updates", kind: .integer),
      .init("loss", title: "held-out loss", kind: .number(.significant(4))),
    ]
    columns += metrics.map {
      .init($0.rawValue, title: $0.title, kind: .number(.decimals(1)), audience: .unlessEmpty)
    }
    columns.append(.init("file", title: "run file", kind: .text, priority: -1))
    var table = Table(title: "Runs, %", columns: columns)
    for run in runs {
      let best = run.best(metric(run.task))
      var cells: [Table.Cell] = [
        .text(run.checkpoint), .text(run.task.title), .number(run.learningRate),
        .integer(Int(exactly: run.seed) ?? .max),
      ]
      if let best {
        let epoch = Double(best.step) / Double(run.stepsPerEpoch)
        cells += [.number(epoch), .integer(best.step), .number(best.loss)]
      } else {
        cells += [.missing, .missing, .missing]
      }
      cells += metrics.map { metric in
        guard let best, run.task.metrics.contains(metric) else { return .missing }
        return .number(100 * run.value(metric, best))
      }
      table.append(cells + [.text(run.file)])
    }
    return table
  }

  /// A row for each validation of each run.
  public var courseTable: Table {
    let metrics = TaskMetric.allCases.filter { metric in tasks.contains { $0.metrics.contains(metric) } }
    var table = Table(
      title: "Held-out metrics along the runs",
      columns: [
        .init("checkpoint", title: "checkpoint", kind: .text), .init("task", title: "task", kind: .text),
        .init("learning_rate", title: "learning rate", kind: .number(.significant(3))),
        .init("seed", title: "seed", kind: .integer), .init("updates", title: "updates", kind: .integer),
        .init("loss", title: "held-out loss", kind: .number(.significant(4))),
      ] + metrics.map { .init($0.rawValue, title: $0.title, kind: .number(.significant(4))) })
    for run in runs {
      for record in run.validations {
        table.append(
          [
            .text(run.checkpoint), .text(run.task.title), .number(run.learningRate),
            .integer(Int(exactly: run.seed) ?? .max), .integer(record.step), .number(record.loss),
          ]
            + metrics.map { metric in
              run.task.metrics.contains(metric) ? .number(run.value(metric, record)) : .missing
            })
      }
    }
    return table
  }

  // MARK: - Words

  var notes: [String] {
    let named = tasks.map { "\($0.title): \(metric($0).title)" }.joined(separator: "; ")
    var notes = ["\(named)."]
    let seeds = Set(runs.map(\.seed)).count
    let rates = learningRates.count
    notes.append(
      "Of each run the highest value after an epoch"
        + (seeds > 1 ? "; the median over \(seeds) seeds" : "")
        + (rates > 1 ? "; of \(rates) learning rates the one with the highest median" : "")
        + ". Chosen on the examples that it is measured on: higher than on others.")
    if seeds >= MedianInterval.fewestSamples {
      notes.append("Intervals: 95 % or more, order statistics over seeds.")
    }
    let failed = runs.filter { !$0.isFinished }.count
    if failed > 0 { notes.append("\(counted(failed, "run")) broke off, and count below all others.") }
    return notes
  }
}

extension TaskMetric {
  /// For readers.
  var title: String {
    switch self {
    case .accuracy: "accuracy"
    case .mismatchedAccuracy: "accuracy, mismatched"
    case .f1: "F1"
    case .matthews: "Matthews"
    case .pearson: "Pearson"
    case .spearman: "Spearman"
    }
  }
}
