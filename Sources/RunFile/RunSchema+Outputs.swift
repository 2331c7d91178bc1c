import RunData

extension RunSchema {
  /// What tells the size of operations' outputs, and what heads do, with whether a run has it.
  static func outputGroups(_ manifest: RunManifest) -> [(ColumnGroup<StepRow>, Bool)] {
    [
      (moments("activation", [.layer, .operation], \.activationMoments), manifest.hasOutputMoments),
      (
        moments("stem_activation", [.stemOperation], \.stemActivationMoments),
        manifest.hasOutputMoments && !manifest.stemOperationNames.isEmpty
      ),
      (attentionGroup, manifest.hasOutputMoments && manifest.headCount > 0),
    ]
  }

  static let attentionEntropy = "attention_entropy"
  static let attentionMaxLogit = "attention_max_logit"
  static let attentionFirstShare = "attention_first_share"

  private static let attentionGroup = ColumnGroup<StepRow>(
    "attention",
    [
      Column(
        name: attentionEntropy, number: .float64, dimensions: [.layer, .head], units: "nat",
        longName: "mean entropy of the attention probabilities of queries that see more than one key"),
      Column(
        name: attentionMaxLogit, number: .float64, dimensions: [.layer, .head],
        longName: "largest attention logit, scaled, before any cap"),
      Column(
        name: attentionFirstShare, number: .float64, dimensions: [.layer, .head],
        longName: "mean attention probability of a sequence's first token, of queries that see it and others"),
    ]
  ) { row in
    row.record.attention.map { [.reals($0.entropy), .reals($0.maxLogit), .reals($0.firstShare)] } ?? []
  }

  private static func moments(
    _ prefix: String, _ dimensions: [Dimension], _ moments: @escaping @Sendable (StepRecord) -> OutputMoments?
  ) -> ColumnGroup<StepRow> {
    ColumnGroup(
      "\(prefix)_moments",
      [
        Column(
          name: "\(prefix)_count", number: .int64, dimensions: dimensions,
          longName: "elements of the operation's output"),
        Column(
          name: "\(prefix)_sum_fourth_powers", number: .float64, dimensions: dimensions,
          longName: "sum of fourth powers of the operation's output"),
      ]
    ) { row in moments(row.record).map { [.integers($0.counts), .reals($0.fourthPowers)] } ?? [] }
  }
}
