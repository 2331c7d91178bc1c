import Documents
import RunData

/// What fine-tuned checkpoints say of their tasks' held-out examples, without any training.
public struct HeldOutReport {
  /// A checkpoint and a task.
  public struct Entry {
    let checkpoint: String
    let task: GlueTask
    let record: ValidationRecord
    let exampleCount: Int

    /// Creates an entry.
    public init(checkpoint: String, task: GlueTask, record: ValidationRecord, exampleCount: Int) {
      (self.checkpoint, self.task) = (checkpoint, task)
      (self.record, self.exampleCount) = (record, exampleCount)
    }
  }

  private let entries: [Entry]

  /// Creates a report.
  public init(_ entries: [Entry]) { self.entries = entries }

  /// A row an entry.
  public var table: Table {
    let metrics = TaskMetric.allCases.filter { metric in entries.contains { $0.task.metrics.contains(metric) }
    }
    var table = Table(
      title: "Held-out examples, %",
      columns: [
        .init("checkpoint", title: "checkpoint", kind: .text), .init("task", title: "task", kind: .text),
        .init("examples", title: "examples", kind: .integer),
        .init("loss", title: "loss", kind: .number(.significant(4))),
      ] + metrics.map { .init($0.rawValue, title: $0.title, kind: .number(.decimals(1))) })
    for entry in entries {
      table.append(
        [
          .text(entry.checkpoint), .text(entry.task.title), .integer(entry.exampleCount),
          .number(entry.record.loss),
        ]
          + metrics.map { metric in
            entry.task.metrics.firstIndex(of: metric).map { .number(100 * entry.record.metrics[$0]) }
              ?? .missing
          })
    }
    return table
  }
}
