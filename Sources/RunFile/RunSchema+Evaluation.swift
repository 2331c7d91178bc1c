import RunData

extension RunSchema {
  /// Losses and accuracies of texts and tasks; none where a run is evaluated on none.
  static func evaluationGroups(_ manifest: RunManifest) -> [ColumnGroup<EvaluationRecord>] {
    manifest.evaluations.isEmpty ? [] : [evaluationGroup]
  }

  static func evaluationTable(_ groups: [ColumnGroup<EvaluationRecord>]) -> Table {
    Table(
      marker: Column(
        name: "evaluation_step", number: .int64, longName: "optimizer updates before the evaluation"),
      columns: [Column](groups), checksums: groups.isEmpty ? [] : ["evaluation_checksum"])
  }

  private static let evaluationGroup = ColumnGroup<EvaluationRecord>(
    "evaluation",
    [
      ValuedColumn(
        evaluationLoss, .float64,
        "mean negative log-likelihood of the tokens asked for, of a task those of the right answers",
        dimensions: [.evaluation], units: "nat"
      ) { .reals($0.losses) },
      ValuedColumn(
        evaluationAccuracy, .float64, "share of a task's examples that is answered rightly",
        dimensions: [.evaluation]
      ) { .reals($0.accuracies) },
    ])

  static let evaluationLoss = "evaluation_loss"
  static let evaluationAccuracy = "evaluation_accuracy"
}

/// What every evaluation of a run has in common, as variables along the dimension `evaluation`.
enum EvaluationCounts {
  static let tokens = "evaluation_tokens"

  /// Names of the variables, and what each has of one text or task.
  static let variables: [(name: String, longName: String, count: @Sendable (EvaluationLayout) -> Int)] = [
    (tokens, "tokens that are asked for; of a task those of the right answers", { $0.tokenCount }),
    ("evaluation_words", "words of a text; 0 where unknown", { $0.wordCount }),
    ("evaluation_bytes", "bytes of a text, or of a task's right answers; 0 where unknown", { $0.byteCount }),
    ("evaluation_examples", "examples of a task that have a label; 0 of a text", { $0.exampleCount }),
  ]

  /// The texts and tasks that such variables describe; `counts` in the order of ``variables``.
  static func layouts(names: [String], counts: [[Int]]) -> [EvaluationLayout] {
    names.indices.map { index in
      EvaluationLayout(
        name: names[index], tokenCount: counts[0][index], wordCount: counts[1][index],
        byteCount: counts[2][index], exampleCount: counts[3][index])
    }
  }
}

extension RunFileReader {
  /// Reads what a run was evaluated to, in order; none where it was not. Damaged rows are left out, and noted in ``damagedRows``.
  ///
  /// - Parameter window: updates made before the evaluations that are read; nil for all.
  /// - Throws: ``RunFileError``.
  public func evaluationRecords(in window: Range<Int>? = nil) throws -> [EvaluationRecord] {
    guard let table = evaluationTable, let losses = table.column(RunSchema.evaluationLoss),
      let accuracies = table.column(RunSchema.evaluationAccuracy)
    else { return [] }
    let width = manifest.evaluations.count
    return try reading {
      try soundStretches(of: table, in: table.rows(in: window)).flatMap { rows in
        try losses.load(rows)
        try accuracies.load(rows)
        let (own, shares) = (losses.reals, accuracies.reals)
        return rows.enumerated().map { place, row in
          let cells = place * width..<(place + 1) * width
          return EvaluationRecord(
            step: table.keys[row], losses: Array(own[cells]), accuracies: Array(shares[cells]))
        }
      }
    }
  }
}
