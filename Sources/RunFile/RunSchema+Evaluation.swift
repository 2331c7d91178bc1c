import RunData

extension RunSchema {
  /// Losses and accuracies of texts and tasks; without columns where a run is evaluated on none. ``evaluationRow(_:)`` follows the same order.
  static func evaluationTable(_ manifest: RunManifest) -> Table {
    let marker = Column(
      name: "evaluation_step", number: .int64, longName: "optimizer updates before the evaluation")
    guard !manifest.evaluations.isEmpty else { return Table(marker: marker, columns: [], checksums: []) }
    return Table(
      marker: marker,
      columns: [
        Column(
          name: evaluationLoss, number: .float64, dimensions: [.evaluation], units: "nat",
          longName:
            "mean negative log-likelihood of the tokens asked for, of a task those of the right answers"),
        Column(
          name: evaluationAccuracy, number: .float64, dimensions: [.evaluation],
          longName: "share of a task's examples that is answered rightly"),
      ], checksums: ["evaluation_checksum"])
  }

  static let evaluationLoss = "evaluation_loss"
  static let evaluationAccuracy = "evaluation_accuracy"

  /// The values of one evaluation in the order of ``evaluationTable(_:)``.
  static func evaluationRow(_ record: EvaluationRecord) -> [RowValue] {
    [.reals(record.losses), .reals(record.accuracies)]
  }
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
