import RunData
import Statistics

/// What several checkpoints are worth as beginnings of several tasks: a grid of learning rates and seeds of each.
public struct FineTuningReport {
  /// What tables call the checkpoints, in their order.
  public let checkpoints: [String]
  /// The tasks, in their order.
  public let tasks: [GlueTask]
  /// Learning rates, ascending.
  public let learningRates: [Double]
  /// All runs that there are.
  public let runs: [FineTunedRun]
  /// Which number stands for a task.
  public let choice: MetricChoice

  /// Creates a report.
  public init(runs: [FineTunedRun], checkpoints: [String], tasks: [GlueTask], choice: MetricChoice) {
    (self.runs, self.checkpoints, self.tasks, self.choice) = (runs, checkpoints, tasks, choice)
    learningRates = Set(runs.map(\.learningRate)).sorted()
  }

  func metric(_ task: GlueTask) -> TaskMetric { task.mainMetric(choice) }

  /// The learning rates of a checkpoint and task that have runs.
  func cells(_ checkpoint: String, _ task: GlueTask) -> [FineTunedCell] {
    let own = runs.filter { $0.checkpoint == checkpoint && $0.task == task }
    return learningRates.compactMap { rate in
      let runs = own.filter { $0.learningRate == rate }.sorted { $0.seed < $1.seed }
      return runs.isEmpty ? nil : FineTunedCell(learningRate: rate, runs: runs, metric: metric(task))
    }
  }

  /// The learning rate with the highest median over the seeds, of equal ones the lowest; nil where every median is that of runs that broke off.
  func best(_ checkpoint: String, _ task: GlueTask) -> FineTunedCell? {
    let cells = cells(checkpoint, task).filter { median($0.values) > -.infinity }
    return cells.reduce(nil) { best, cell in
      guard let best, median(best.values) >= median(cell.values) else { return cell }
      return best
    }
  }
}
