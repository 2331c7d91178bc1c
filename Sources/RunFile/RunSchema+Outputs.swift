import RunData

extension RunSchema {
  /// What tells the size of operations' outputs, and what heads of attention do. ``outputValues(_:)`` follows the same order.
  static func outputColumns(_ manifest: RunManifest) -> [Column] {
    var columns = momentColumns("activation", [.layer, .operation])
    if !manifest.stemOperationNames.isEmpty { columns += momentColumns("stem_activation", [.stemOperation]) }
    guard manifest.headCount > 0 else { return columns }
    return columns + [
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
  }

  static let attentionEntropy = "attention_entropy"
  static let attentionMaxLogit = "attention_max_logit"
  static let attentionFirstShare = "attention_first_share"

  private static func momentColumns(_ prefix: String, _ dimensions: [Dimension]) -> [Column] {
    [
      Column(
        name: "\(prefix)_count", number: .int64, dimensions: dimensions,
        longName: "elements of the operation's output"),
      Column(
        name: "\(prefix)_sum_fourth_powers", number: .float64, dimensions: dimensions,
        longName: "sum of fourth powers of the operation's output"),
    ]
  }

  /// The values of one step in the order of ``outputColumns(_:)``.
  func outputValues(_ record: StepRecord) -> [RowValue] {
    func values(_ moments: OutputMoments?) -> [RowValue] {
      moments.map { [.integers($0.counts), .reals($0.fourthPowers)] } ?? []
    }
    var row = values(record.activationMoments)
    if extents[.stemOperation] != 0 { row += values(record.stemActivationMoments) }
    if extents[.head] != 0, let attention = record.attention {
      row += [.reals(attention.entropy), .reals(attention.maxLogit), .reals(attention.firstShare)]
    }
    return row
  }
}
