import Charts
import Documents
import RealModule
import RunData
import Statistics

extension RunReport {
  /// The groups, and every run.
  var summarySection: Document.Section {
    Document.Section(
      "summary", "Summary",
      [
        .table(Document.TablePart("summary", summaryTable)),
        .table(Document.TablePart("runs", runTable, isFolded: runs.count > 6)),
      ])
  }

  /// One row a group: what it is, how far it got, and where its loss stands.
  public var summaryTable: Table {
    var table = Table(
      title: "Runs by group",
      columns: Self.groupColumns + [
        Self.rangeColumn("steps", "steps", allGroups.map { reported($0.group).map(\.updates) })
      ] + Self.outcomeColumns, notes: summaryNotes)
    for (label, group) in allGroups {
      let manifest = group.manifest
      let own = reported(group)
      table.append([
        .text(label), .integer(group.runs.count), .integer(manifest.gradients.layerCount),
        .integer(manifest.modelDim), .integer(manifest.parameterCount), Self.rangeCell(own.map(\.updates)),
        .estimate(finalLoss(group)), validationCell(group), perplexityCell(group),
        .text(Self.counts(own.map(\.standing))), .text(mark(group)),
      ])
    }
    return table
  }

  private static let groupColumns = [
    Table.Column("group", title: "group", kind: .text),
    Table.Column("seeds", title: "seeds", kind: .integer),
    Table.Column("layers", title: "layers", kind: .integer),
    Table.Column("width", title: "width", kind: .integer),
    Table.Column("parameters", title: "parameters", kind: .integer),
  ]

  private static let outcomeColumns = [
    Table.Column("loss", title: "training loss", kind: .estimate(.decimals(3)), priority: 2),
    Table.Column(
      "validation_loss", title: "validation loss", kind: .estimate(.decimals(3)), audience: .unlessEmpty),
    Table.Column("perplexity", title: "perplexity", kind: .estimate(.significant(4)), audience: .unlessEmpty),
    Table.Column("status", title: "status", kind: .text, priority: 1),
    Table.Column("mark", title: "mark", kind: .text, audience: .unlessEmpty, priority: 2),
  ]

  private var summaryNotes: [String] {
    var notes = [
      "training loss: mean over the last tenth of each run's records (at least ten), \(lossUnit), then over"
        + " seeds; from three seeds on with Student's t interval (95 %)."
    ]
    if runs.contains(where: { !$0.run.validation.isEmpty }) {
      notes.append(
        "validation loss: the last validation of each run, mean over seeds; perplexity: e to it, the geometric mean over"
          + " seeds.")
    }
    let floors = corpora.map(\.namedFloors)
    notes.append("Floors of the loss, nats/token: \(floors.joined(separator: "; ")).")
    if allGroups.contains(where: { !mark($0.group).isEmpty }) {
      notes.append(
        "not learning yet: that loss is not below the unigram entropy, which a model reaches that knows nothing but"
          + " token frequencies.")
    }
    return notes
  }

  private func validationCell(_ group: RunGroup) -> Table.Cell {
    let losses = group.runs.compactMap(\.validation.last?.loss)
    return losses.isEmpty ? .missing : .estimate(Estimate.mean(of: losses))
  }

  private func perplexityCell(_ group: RunGroup) -> Table.Cell {
    let losses = group.runs.compactMap(\.validation.last?.loss)
    guard group.manifest.contract.isNatsPerToken, !losses.isEmpty else { return .missing }
    return .estimate(Estimate.mean(of: losses).mapped { Double.exp($0) })
  }

  /// The mean over seeds of the loss over each run's last tenth.
  func finalLoss(_ group: RunGroup) -> Estimate {
    Estimate.mean(of: group.runs.map(\.finalLoss))
  }

  /// `not learning yet`, with the count where it holds of some runs only.
  func mark(_ group: RunGroup) -> String {
    LossReading(of: group, window: StepWindow(lower: 0, upper: nil)).mark ?? ""
  }

  /// Every corpus, once.
  var corpora: [CorpusFacts] {
    var found: [CorpusFacts] = []
    for corpus in runs.map(\.run.manifest.corpus)
    where !found.contains(where: { $0.sha256 == corpus.sha256 && $0.name == corpus.name }) {
      found.append(corpus)
    }
    return found
  }

  // MARK: - Run by run

  /// One row a run.
  var runTable: Table {
    var table = Table(
      title: "Every run",
      columns: [
        Table.Column("group", title: "group", kind: .text),
        Table.Column("seed", title: "seed", kind: .text), Table.Column("run", title: "run", kind: .text),
        Table.Column("status", title: "status", kind: .text),
        Table.Column("updates", title: "updates", kind: .integer),
        Table.Column("records", title: "records", kind: .integer),
        Table.Column("loss", title: "training loss", kind: .number(.decimals(3))),
        Table.Column(
          "validation_loss", title: "validation loss", kind: .number(.decimals(3)), audience: .unlessEmpty),
        Table.Column("validated_after", title: "after", kind: .integer, audience: .unlessEmpty),
        Table.Column("attempts", title: "attempts", kind: .integer),
        Table.Column("gaps", title: "gaps", kind: .integer),
        Table.Column("nonfinite_steps", title: "non-finite steps", kind: .integer),
      ],
      notes: [
        "updates: those that were made; records: the steps whose numbers the file holds; gaps: places"
          + " in which recorded steps are missing; non-finite steps: with a loss or a gradient that is not finite."
      ])
    for (label, group) in allGroups {
      for own in reported(group) {
        let last = own.run.validation.last
        table.append([
          .text(label), .text("\(own.run.manifest.seed)"), .text(own.run.manifest.runID), .text(own.standing),
          .integer(own.updates), .integer(own.run.steps.count), .number(own.run.finalLoss),
          last.map { .number($0.loss) } ?? .missing, last.map { .integer($0.step) } ?? .missing,
          .integer(own.attemptCount), .integer(own.gaps.count), .integer(own.nonfiniteSteps.count),
        ])
      }
    }
    return table
  }

  /// `3 finished`, `finished 2, diverged 1`.
  static func counts(_ names: [String]) -> String {
    var order: [String] = []
    for name in names where !order.contains(name) { order.append(name) }
    guard order.count > 1 else { return order.first ?? "" }
    return order.map { name in "\(name) \(names.count { $0 == name })" }.joined(separator: ", ")
  }

  /// A column of whole numbers, or of words where a row has several: `120 to 300`.
  static func rangeColumn(_ key: String, _ title: String, _ rows: [[Int]]) -> Table.Column {
    Table.Column(key, title: title, kind: rows.allSatisfy { Set($0).count <= 1 } ? .integer : .text)
  }

  /// A cell of such a column.
  static func rangeCell(_ numbers: [Int]) -> Table.Cell {
    guard let least = numbers.min(), let most = numbers.max() else { return .missing }
    return least == most ? .integer(least) : .text("\(least) to \(most)")
  }
}

extension ReportedRun {
  /// Updates that were made.
  var updates: Int { run.updatesMade }
}

extension RecordedRun {
  /// The mean training loss over the last tenth of the records, at least ten, or all that there are.
  var finalLoss: Double {
    let tail = loss.suffix(max(10, loss.count / 10))
    return tail.isEmpty ? .nan : tail.reduce(0, +) / Double(tail.count)
  }
}

extension RunManifest {
  /// Elements of all tensors whose gradients are recorded.
  var parameterCount: Int { (gradients.elementCounts + gradients.stemElementCounts).reduce(0, +) }
}
