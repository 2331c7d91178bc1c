import Documents
import RealModule
import Statistics
import Text

extension TaskReport {
  /// A row a model, a column a task: percent answered rightly, by the scoring of each task.
  public var table: Table {
    let tasks = entries.enumerated().map { index, entry in
      Table.Column("task_\(index + 1)", title: entry.task.name, kind: .estimate(.decimals(1)))
    }
    let average =
      entries.count > 1 ? [Table.Column("average", title: "average", kind: .estimate(.decimals(1)))] : []
    var table = Table(
      title: "Accuracy, %",
      columns: [.init("checkpoint", title: "checkpoint", kind: .text)] + tasks + average,
      notes: notes)
    for (index, checkpoint) in checkpoints.enumerated() {
      let outcomes = entries.map { self.outcomes($0, index, scoring(of: $0)) }
      let cells = outcomes.map { Table.Cell.defined(Self.accuracy($0)) }
      table.append([.text(checkpoint)] + cells + (average.isEmpty ? [] : [.defined(Self.average(outcomes))]))
    }
    return table
  }

  /// A row for each task, model and scoring.
  public var scoringTable: Table {
    var table = Table(
      title: "Accuracy by scoring, %",
      columns: [
        .init("task", title: "task", kind: .text), .init("checkpoint", title: "checkpoint", kind: .text),
        .init("scoring", title: "scoring", kind: .text),
        .init("usual", title: "usual", kind: .text, priority: -1),
        .init("shots", title: "shots", kind: .integer, audience: .data),
        .init("examples", title: "examples", kind: .integer),
        .init("accuracy", title: "accuracy", kind: .estimate(.decimals(1))),
        .init("chance", title: "chance", kind: .number(.decimals(1)), audience: .unlessEmpty),
        .init(
          "perplexity", title: "perplexity of the answer", kind: .number(.significant(4)),
          audience: .unlessEmpty),
      ])
    for entry in entries {
      for (index, checkpoint) in checkpoints.enumerated() {
        for scoring in entry.task.format.scorings {
          let outcomes = outcomes(entry, index, scoring)
          let losses = entry.scores[index].choices.map { -($0.first?.logLikelihood ?? .nan) }
          let perplexity = Double.exp(losses.reduce(0, +) / Double(max(1, losses.count)))
          table.append([
            .text(entry.task.name), .text(checkpoint), .text(scoring.rawValue),
            .text(scoring == entry.task.format.usualScoring ? "yes" : ""), .integer(entry.task.shots),
            .integer(outcomes.count), .defined(Self.accuracy(outcomes)),
            Self.chance(entry.task).map { .number($0) } ?? .missing,
            entry.task.format.isOpen ? .number(perplexity) : .missing,
          ])
        }
      }
    }
    return table
  }

  /// What each further model answers rightly beyond the first one, paired by example; nil of one model.
  public var differenceTable: Table? {
    guard checkpoints.count > 1 else { return nil }
    var table = Table(
      title: "Accuracy less that of \(checkpoints[0]), percentage points",
      columns: [
        .init("task", title: "task", kind: .text), .init("checkpoint", title: "checkpoint", kind: .text),
        .init("difference", title: "difference", kind: .estimate(.decimals(1))),
        .init("only_this", title: "right here only", kind: .integer),
        .init("only_first", title: "right there only", kind: .integer),
      ],
      notes: [
        "Paired: intervals from the differences on the same examples, from \(Resampling.fewestSamples) on."
      ])
    for index in checkpoints.indices.dropFirst() {
      var all: [[Double]] = []
      for entry in entries {
        let scoring = scoring(of: entry)
        let differences = zip(outcomes(entry, index, scoring), outcomes(entry, 0, scoring)).map { $0 - $1 }
        all.append(differences)
        table.append([
          .text(entry.task.name), .text(checkpoints[index]), .defined(Self.average([differences])),
          .integer(differences.filter { $0 > 0 }.count), .integer(differences.filter { $0 < 0 }.count),
        ])
      }
      guard entries.count > 1 else { continue }
      table.append([
        .text("average"), .text(checkpoints[index]), .defined(Self.average(all)), .missing, .missing,
      ])
    }
    return table
  }

  /// A row for each answer of each example and model.
  public var exampleTable: Table {
    var table = Table(
      title: "Scores of every answer",
      columns: [
        .init("task", title: "task", kind: .text), .init("checkpoint", title: "checkpoint", kind: .text),
        .init("example", title: "example", kind: .text), .init("answer", title: "answer", kind: .integer),
        .init("label", title: "label", kind: .integer), .init("chosen", title: "chosen", kind: .integer),
        .init("log_likelihood", title: "log-likelihood", kind: .number(.significant(6))),
        .init("unconditional", title: "unconditional", kind: .number(.significant(6))),
        .init("tokens", title: "tokens", kind: .integer), .init("bytes", title: "bytes", kind: .integer),
        .init("greedy", title: "greedy", kind: .integer),
      ])
    for entry in entries {
      for (index, checkpoint) in checkpoints.enumerated() {
        let scores = entry.scores[index]
        for (place, example) in entry.task.examples.enumerated() {
          let scoring = scoring(of: entry)
          let chosen = scoring == .greedy ? nil : scores.choice(of: place, scoring)
          for (number, choice) in scores.choices[place].enumerated() {
            table.append([
              .text(entry.task.name), .text(checkpoint), .text(example.id), .integer(number),
              example.label.map { .integer($0) } ?? .missing, chosen.map { .integer($0) } ?? .missing,
              choice.tokenCount > 0 ? .number(choice.logLikelihood) : .missing,
              choice.unconditional.isNaN ? .missing : .number(choice.unconditional),
              .integer(choice.tokenCount),
              .integer(choice.byteCount), .integer(choice.isGreedy && choice.tokenCount > 0 ? 1 : 0),
            ])
          }
        }
      }
    }
    return table
  }

  // MARK: - Words

  var notes: [String] {
    var notes = entries.map { entry in
      let answered = entry.task.examples.filter { $0.label != nil }.count
      let chance = Self.chance(entry.task).map { ", chance \(NumberText.fixed($0, decimals: 1))" } ?? ""
      let shots = entry.task.shots > 0 ? ", \(counted(entry.task.shots, "shot"))" : ""
      return
        "\(entry.task.name): \(counted(answered, "example")), \(Self.words(scoring(of: entry)))\(shots)\(chance)."
    }
    let unlabelled = entries.reduce(0) { $0 + $1.task.examples.filter { $0.label == nil }.count }
    if unlabelled > 0 {
      notes.append("\(counted(unlabelled, "example")) without a label: scored, and in no accuracy.")
    }
    let empty = entries.reduce(0) {
      $0 + $1.task.examples.reduce(0) { $0 + $1.choices.filter(\.completion.isEmpty).count }
    }
    if empty > 0 { notes.append("\(counted(empty, "answer")) with nothing in it: never chosen.") }
    notes.append("Intervals: 95 %, Wilson's, over examples.")
    return notes
  }

  private static func words(_ scoring: TaskScoring) -> String {
    switch scoring {
    case .sum: "the answer's log-likelihood"
    case .perToken: "log-likelihood by the answer's tokens"
    case .perByte: "log-likelihood by the answer's bytes"
    case .unconditional: "log-likelihood less that without the question"
    case .greedy: "the last word said by greedy decoding"
    }
  }
}
