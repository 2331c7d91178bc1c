import RunData

extension RunSchema {
  /// The sums of each tensor, by the end of their variables' names.
  private static let sums: [(suffix: String, number: Number, longName: String)] = [
    ("l1", .float64, "sum of absolute values"),
    ("sum_squares", .float64, "sum of squares"),
    ("max_abs", .float64, "largest absolute value"),
    ("zeros", .uint32, "elements that are exactly zero"),
    ("nonfinite", .uint32, "elements that are infinite or not a number"),
  ]

  /// What one step leaves behind. `segment` and the wall-clock time have a checksum of their own, so that equal runs
  /// have equal row checksums. ``stepRow(_:segment:)`` follows the same order.
  static func stepTable(_ manifest: RunManifest) -> Table {
    var columns = [
      Column(name: "segment", number: .int32, longName: "attempt that made the step", checksum: 1),
      Column(
        name: "loss", number: .float64, units: "nat",
        longName: "mean token negative log-likelihood of the global batch"),
      Column(name: "learning_rate", number: .float64, longName: "learning rate of the update that follows"),
      Column(
        name: "gradient_l2", number: .float64, longName: "L2 norm of the whole gradient before clipping"),
      Column(name: "clip_coefficient", number: .float64, longName: "factor applied by clipping"),
      Column(name: "tokens", number: .int64, longName: "tokens that the loss runs over"),
      Column(
        name: "seconds", number: .float64, units: "s", longName: "wall-clock time of the step", checksum: 1),
    ]
    columns += sumColumns("gradient", of: "the gradient", [.layer, .tensor])
    if !manifest.gradients.stemTensorNames.isEmpty {
      columns += sumColumns("stem_gradient", of: "the gradient", [.stemTensor])
    }
    if !manifest.operationNames.isEmpty {
      columns += sumColumns("activation", of: "the operation's output", [.layer, .operation])
      columns += sumColumns(
        "activation_gradient", of: "the gradient that reaches the operation's output", [.layer, .operation])
    }
    if !manifest.stemOperationNames.isEmpty {
      columns += sumColumns("stem_activation", of: "the operation's output", [.stemOperation])
      columns += sumColumns(
        "stem_activation_gradient", of: "the gradient that reaches the operation's output", [.stemOperation])
    }
    if manifest.hasLossScale {
      columns.append(
        Column(
          name: Self.lossScale, number: .float64,
          longName: "factor on the loss while gradients were computed; they are recorded without it"))
    }
    for (prefix, subject, isThere) in [
      ("weight", "the weights after the update", manifest.hasWeights),
      ("update", "what the update changed", manifest.hasUpdates),
    ] where isThere {
      columns += magnitudeColumns(prefix, of: subject, [.layer, .tensor])
      if !manifest.gradients.stemTensorNames.isEmpty {
        columns += magnitudeColumns("stem_\(prefix)", of: subject, [.stemTensor])
      }
    }
    if manifest.hasOutputMoments { columns += outputColumns(manifest) }
    if manifest.hasExampleNorms { columns += exampleNormColumns() }
    var checksums = ["row_checksum", "attempt_checksum"]
    if manifest.gradients.experts != nil {
      // With a checksum of their own: readers that do not know of experts find the others right.
      columns += sumColumns(
        "expert_gradient", of: "the gradient", [.layer, .expert], checksum: checksums.count)
      checksums.append("expert_checksum")
    }
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

  /// The checksum of what equal runs do not share.
  private static let attemptChecksum = 1

  /// What a thinned file keeps of the steps between two rows.
  private static func extremes(of column: Column, _ checksum: Int) -> [Column] {
    [("smallest", smallestPrefix), ("largest", largestPrefix)].map { word, prefix in
      Column(
        name: prefix + column.name, number: .float64, dimensions: column.dimensions, units: column.units,
        longName: "\(word) value of \(column.name) from this step to before the next row", checksum: checksum)
    }
  }

  /// The beginnings of the names of a stretch's extremes.
  static let smallestPrefix = "smallest_"
  static let largestPrefix = "largest_"

  /// The attributes that packed files have.
  static let packedEvery = "packed_every"
  static let packedSteps = "packed_steps"

  /// Level of deflate in packed files: above it, time doubles for a hundredth of the size.
  static let compressionLevel = 4

  /// The variable that files with sums by expert have.
  static let expertCount = "expert_gradient_count"

  /// The column that runs with loss scaling have.
  static let lossScale = "loss_scale"

  private static func sumColumns(
    _ prefix: String, of subject: String, _ dimensions: [Dimension], checksum: Int = 0
  ) -> [Column] {
    sums.map {
      Column(
        name: "\(prefix)_\($0.suffix)", number: $0.number,
        dimensions: dimensions, longName: "\($0.longName) of \(subject)", checksum: checksum)
    }
  }

  /// The sums without the counts of zeros and non-finite elements.
  private static func magnitudeColumns(
    _ prefix: String, of subject: String, _ dimensions: [Dimension]
  ) -> [Column] {
    Array(sumColumns(prefix, of: subject, dimensions).prefix(magnitudeCount))
  }

  private static let magnitudeCount = 3

  /// The values of one step in the order of ``stepTable(_:)``.
  func stepRow(_ record: StepRecord, segment: Int) -> [RowValue] {
    var row: [RowValue] = [
      .integers([segment]), .reals([record.loss]), .reals([record.learningRate]), .reals([record.gradientL2]),
      .reals([record.clipCoefficient]), .integers([record.tokens]), .reals([record.seconds]),
    ]
    row += Self.sumValues(record.gradients)
    if extents[.stemTensor] != 0 { row += Self.sumValues(record.stemGradients) }
    if extents[.operation] != 0 {
      if let sums = record.activations { row += Self.sumValues(sums) }
      if let sums = record.activationGradients { row += Self.sumValues(sums) }
    }
    if extents[.stemOperation] != 0 {
      if let sums = record.stemActivations { row += Self.sumValues(sums) }
      if let sums = record.stemActivationGradients { row += Self.sumValues(sums) }
    }
    if let scale = record.lossScale { row.append(.reals([scale])) }
    let parameters = record.parameters ?? unmeasured
    if hasWeights { row += magnitudeValues(parameters.weights, stem: parameters.stemWeights) }
    if hasUpdates { row += magnitudeValues(parameters.updates, stem: parameters.stemUpdates) }
    if hasOutputMoments { row += outputValues(record) }
    return row + (hasExampleNorms ? exampleNormValues(record) : [])
  }

  private func magnitudeValues(_ layers: SumColumns, stem: SumColumns) -> [RowValue] {
    let parts = [layers] + (extents[.stemTensor] != 0 ? [stem] : [])
    return parts.flatMap { Self.sumValues($0).prefix(Self.magnitudeCount) }
  }

  private static func sumValues(_ sums: SumColumns) -> [RowValue] {
    [
      .reals(sums.l1), .reals(sums.sumSquares), .reals(sums.maxAbs), .integers(sums.zeros),
      .integers(sums.nonfinite),
    ]
  }
}

extension RunSchema {
  /// The values of one event in the order of ``events``.
  func eventRow(
    _ status: RunStatus, time: Double, segment: Int, nextStep: Int, _ machine: String
  ) -> [RowValue] {
    let values: [String: RowValue] = [
      "status": .integers([status.rawValue]), "status_time": .reals([time]),
      "event_segment": .integers([segment]), "event_step": .integers([nextStep]),
      "event_machine": .text(machine),
    ]
    return events.columns.compactMap { values[$0.name] }
  }
}

extension MachineFacts {
  /// One line of it all, for one attempt at a run.
  var summary: String {
    "\(program); \(blas); \(threads == 1 ? "1 thread" : "\(threads) threads"); \(cpu)"
  }
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

  init(unmeasuredOf layout: GradientLayout) {
    self.init(unmeasured: layout.elementCounts, stem: layout.stemElementCounts)
  }
}
