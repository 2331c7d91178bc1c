import RealModule
import Statistics

/// How rightly several models answer the examples of several tasks.
public struct TaskReport {
  /// A task and what each model says of its answers.
  public struct Entry {
    let task: TaskSet<[Int32]>
    let scores: [TaskScores]

    /// Creates an entry; `scores` in the order of the checkpoints.
    public init(_ task: TaskSet<[Int32]>, _ scores: [TaskScores]) {
      (self.task, self.scores) = (task, scores)
    }
  }

  let checkpoints: [String]
  let entries: [Entry]
  /// The scoring that was asked for; nil takes each task's usual one.
  let scoring: TaskScoring?

  /// Creates a report.
  public init(checkpoints: [String], entries: [Entry], scoring: TaskScoring? = nil) {
    (self.checkpoints, self.entries, self.scoring) = (checkpoints, entries, scoring)
  }

  /// What a task's answers are compared by in the first table: what was asked for, where the task has it.
  func scoring(of entry: Entry) -> TaskScoring {
    scoring.flatMap { entry.task.format.scorings.contains($0) ? $0 : nil } ?? entry.task.format.usualScoring
  }

  /// 1 for each example with a label that is answered rightly, 0 for the others.
  func outcomes(_ entry: Entry, _ checkpoint: Int, _ scoring: TaskScoring) -> [Double] {
    entry.task.examples.indices.compactMap { index in
      entry.task.examples[index].label.map {
        entry.scores[checkpoint].isRight(index, label: $0, scoring) ? 1 : 0
      }
    }
  }

  /// Percent of the examples, with Wilson's interval.
  static func accuracy(_ outcomes: [Double]) -> Estimate {
    let count = Double(outcomes.count)
    guard count > 0 else { return .undefined }
    let share = outcomes.reduce(0, +) / count
    let z = 1.959_963_984_540_054  // 97.5 % of a normal distribution
    let centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    let half =
      z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)).squareRoot()
    return Estimate(
      value: 100 * share,
      interval: Interval(lower: 100 * max(0, centre - half), upper: 100 * min(1, centre + half)))
  }

  /// The mean of several tasks' percents, each task counted once; their errors are independent.
  static func average(_ tasks: [[Double]]) -> Estimate {
    guard !tasks.isEmpty, tasks.allSatisfy({ !$0.isEmpty }) else { return .undefined }
    let means = tasks.map { $0.reduce(0, +) / Double($0.count) }
    let variance = zip(tasks, means).reduce(0.0) { sum, task in
      let (values, mean) = task
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return sum + squares / Double(max(1, values.count - 1)) / Double(values.count)
    }
    let degrees = (tasks.map(\.count).min() ?? 2) - 1
    let mean = means.reduce(0, +) / Double(means.count)
    guard degrees + 1 >= Resampling.fewestSamples else { return Estimate(value: 100 * mean, interval: nil) }
    let half =
      StudentT.quantile(central: 0.95, degreesOfFreedom: degrees) * variance.squareRoot()
      / Double(means.count)
    return Estimate(
      value: 100 * mean, interval: Interval(lower: 100 * (mean - half), upper: 100 * (mean + half)))
  }

  /// What guessing gives, percent; nil where an answer has to be said.
  static func chance(_ task: TaskSet<[Int32]>) -> Double? {
    let answered = task.examples.filter { $0.label != nil }
    guard !task.format.isOpen, !answered.isEmpty else { return nil }
    return answered.reduce(0) { $0 + 100 / Double($1.choices.count) } / Double(answered.count)
  }
}
