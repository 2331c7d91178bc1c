import RunData

/// What a step's row is made of.
struct StepRow {
  let record: StepRecord
  /// The attempt that made the step.
  let segment: Int
}

extension RunSchema {
  /// What one step leaves behind. `segment` and the wall-clock time have a checksum of their own, so that equal runs have equal row checksums.
  static func stepGroups(_ manifest: RunManifest) -> [ColumnGroup<StepRow>] {
    let hasStem = !manifest.gradients.stemTensorNames.isEmpty
    let isThere: [(group: ColumnGroup<StepRow>, Bool)] =
      [
        (stepGroup, true),
        (sums("gradient", of: "the gradient", [.layer, .tensor], \.gradients), true),
        (sums("stem_gradient", of: "the gradient", [.stemTensor], \.stemGradients), hasStem),
      ] + operationGroups.map { ($0, !manifest.operationNames.isEmpty) }
      + stemOperationGroups.map { ($0, !manifest.stemOperationNames.isEmpty) }
      + [(lossScaleGroup, manifest.hasLossScale)]
      + parameterGroups(manifest, hasStem: hasStem)
      + outputGroups(manifest) + [(exampleNorms, manifest.hasExampleNorms)]
      + [(expertGroup, manifest.gradients.experts != nil)]
    return isThere.filter(\.1).map(\.group)
  }

  /// The table of the steps, with what a thinned file keeps of the steps between.
  static func stepTable(_ groups: [ColumnGroup<StepRow>], _ manifest: RunManifest) -> Table {
    var columns = [Column](groups)
    var checksums = ["row_checksum", "attempt_checksum"]
    if manifest.gradients.experts != nil { checksums.append("expert_checksum") }
    if manifest.packing?.isThinned == true {
      columns += columns.filter { $0.checksum != attemptChecksum }.flatMap {
        extremes(of: $0, checksums.count)
      }
      checksums.append("stretch_checksum")
    }
    return Table(
      marker: Column(name: "step", number: .int64, longName: "optimizer step"), columns: columns,
      checksums: checksums)
  }

  // MARK: - Groups

  private static let stepGroup = ColumnGroup<StepRow>(
    "step",
    [
      ValuedColumn("segment", .int32, "attempt that made the step", checksum: attemptChecksum) {
        .integers([$0.segment])
      },
      ValuedColumn("loss", .float64, "mean token negative log-likelihood of the global batch", units: "nat") {
        .reals([$0.record.loss])
      },
      ValuedColumn("learning_rate", .float64, "learning rate of the update that follows") {
        .reals([$0.record.learningRate])
      },
      ValuedColumn("gradient_l2", .float64, "L2 norm of the whole gradient before clipping") {
        .reals([$0.record.gradientL2])
      },
      ValuedColumn("clip_coefficient", .float64, "factor applied by clipping") {
        .reals([$0.record.clipCoefficient])
      },
      ValuedColumn("tokens", .int64, "tokens that the loss runs over") { .integers([$0.record.tokens]) },
      ValuedColumn("seconds", .float64, "wall-clock time of the step", units: "s", checksum: attemptChecksum)
      { .reals([$0.record.seconds]) },
    ])

  private static let operationGroups = [
    sums("activation", of: "the operation's output", [.layer, .operation], \.activations),
    sums(
      "activation_gradient", of: "the gradient that reaches the operation's output", [.layer, .operation],
      \.activationGradients),
  ]

  private static let stemOperationGroups = [
    sums("stem_activation", of: "the operation's output", [.stemOperation], \.stemActivations),
    sums(
      "stem_activation_gradient", of: "the gradient that reaches the operation's output", [.stemOperation],
      \.stemActivationGradients),
  ]

  private static let lossScaleGroup = ColumnGroup<StepRow>(
    lossScale,
    [
      Column(
        name: lossScale, number: .float64,
        longName: "factor on the loss while gradients were computed; they are recorded without it")
    ]
  ) { row in row.record.lossScale.map { [.reals([$0])] } ?? [] }

  /// The sums of weights and of updates, not a number at a step at which they were not measured.
  private static func parameterGroups(
    _ manifest: RunManifest, hasStem: Bool
  ) -> [(ColumnGroup<StepRow>, Bool)] {
    let unmeasured = ParameterSums(unmeasuredOf: manifest.gradients)
    func group(
      _ prefix: String, of subject: String, _ dimensions: [Dimension],
      _ sums: @escaping @Sendable (ParameterSums) -> SumColumns
    ) -> ColumnGroup<StepRow> {
      ColumnGroup(prefix, Array(sumColumns(prefix, of: subject, dimensions).prefix(magnitudeCount))) { row in
        Array(sumValues(sums(row.record.parameters ?? unmeasured)).prefix(magnitudeCount))
      }
    }
    let (weights, updates) = ("the weights after the update", "what the update changed")
    return [
      (group("weight", of: weights, [.layer, .tensor], \.weights), manifest.hasWeights),
      (group("stem_weight", of: weights, [.stemTensor], \.stemWeights), manifest.hasWeights && hasStem),
      (group("update", of: updates, [.layer, .tensor], \.updates), manifest.hasUpdates),
      (group("stem_update", of: updates, [.stemTensor], \.stemUpdates), manifest.hasUpdates && hasStem),
    ]
  }

  /// With a checksum of their own: readers that do not know of experts find the others right. Runs of this program have none.
  private static let expertGroup = ColumnGroup<StepRow>(
    "expert_gradient", sumColumns("expert_gradient", of: "the gradient", [.layer, .expert], checksum: 2)
  ) { _ in [] }

  // MARK: - Sums

  /// The sums of each tensor, by the end of their variables' names.
  private static let sums: [(suffix: String, number: Number, longName: String)] = [
    ("l1", .float64, "sum of absolute values"),
    ("sum_squares", .float64, "sum of squares"),
    ("max_abs", .float64, "largest absolute value"),
    ("zeros", .uint32, "elements that are exactly zero"),
    ("nonfinite", .uint32, "elements that are infinite or not a number"),
  ]

  /// Those of weights and updates: without the counts of zeros and non-finite elements.
  private static let magnitudeCount = 3

  private static func sums(
    _ prefix: String, of subject: String, _ dimensions: [Dimension],
    _ sums: @escaping @Sendable (StepRecord) -> SumColumns?
  ) -> ColumnGroup<StepRow> {
    ColumnGroup(prefix, sumColumns(prefix, of: subject, dimensions)) { row in
      sums(row.record).map(sumValues) ?? []
    }
  }

  private static func sumColumns(
    _ prefix: String, of subject: String, _ dimensions: [Dimension], checksum: Int = 0
  ) -> [Column] {
    sums.map {
      Column(
        name: "\(prefix)_\($0.suffix)", number: $0.number,
        dimensions: dimensions, longName: "\($0.longName) of \(subject)", checksum: checksum)
    }
  }

  private static func sumValues(_ sums: SumColumns) -> [RowValue] {
    [
      .reals(sums.l1), .reals(sums.sumSquares), .reals(sums.maxAbs), .integers(sums.zeros),
      .integers(sums.nonfinite),
    ]
  }

  /// The checksum of what equal runs do not share.
  private static let attemptChecksum = 1

  /// The variable that files with sums by expert have.
  static let expertCount = "expert_gradient_count"

  /// The column that runs with loss scaling have.
  static let lossScale = "loss_scale"
}

extension ParameterSums {
  /// Not a number where there is a tensor, 0 where a layer lacks one.
  fileprivate init(unmeasured counts: [Int], stem: [Int]) {
    func columns(_ counts: [Int]) -> SumColumns {
      var columns = SumColumns(count: counts.count)
      for index in counts.indices where counts[index] > 0 {
        columns.set(
          TensorSums(count: 0, l1: .nan, sumSquares: .nan, maxAbs: .nan, zeros: 0, nonfinite: 0), at: index)
      }
      return columns
    }
    self.init(
      weights: columns(counts), stemWeights: columns(stem), updates: columns(counts),
      stemUpdates: columns(stem))
  }

  fileprivate init(unmeasuredOf layout: GradientLayout) {
    self.init(unmeasured: layout.elementCounts, stem: layout.stemElementCounts)
  }
}
