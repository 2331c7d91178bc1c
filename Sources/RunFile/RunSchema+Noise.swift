import RunData

extension RunSchema {
  /// Sums of squares by parts of a step's batch; none where a run has not recorded them.
  static func noiseGroups(_ manifest: RunManifest) -> [ColumnGroup<NoiseRecord>] {
    guard manifest.hasNoise else { return [] }
    let inLayers = [
      partsGroup,
      squares("noise", [.layer, .tensor], parts: \.partSquares, whole: \.squares),
    ]
    guard !manifest.gradients.stemTensorNames.isEmpty else { return inLayers }
    return inLayers
      + [squares("stem_noise", [.stemTensor], parts: \.stemPartSquares, whole: \.stemSquares)]
  }

  static func noiseTable(_ groups: [ColumnGroup<NoiseRecord>]) -> Table {
    Table(
      marker: Column(
        name: "noise_step", number: .int64, longName: "optimizer step that was looked at by parts"),
      columns: [Column](groups), checksums: groups.isEmpty ? [] : ["noise_checksum"])
  }

  private static let partsGroup = ColumnGroup<NoiseRecord>(
    "parts",
    [
      ValuedColumn("noise_parts", .int32, "equal parts that the batch was cut into") {
        .integers([$0.parts])
      },
      ValuedColumn("noise_part_tokens", .float64, "tokens of a part; the harmonic mean where parts differ") {
        .reals([$0.partTokens])
      },
      ValuedColumn("noise_tokens", .int64, "tokens of the whole batch") { .integers([$0.tokens]) },
    ])

  private static func squares(
    _ prefix: String, _ dimensions: [Dimension], parts: @escaping @Sendable (NoiseRecord) -> [Double],
    whole: @escaping @Sendable (NoiseRecord) -> [Double]
  ) -> ColumnGroup<NoiseRecord> {
    ColumnGroup(
      prefix,
      [
        ValuedColumn(
          "\(prefix)_part_sum_squares", .float64,
          "sum over the parts of each one's sum of squares of the gradient", dimensions: dimensions
        ) { .reals(parts($0)) },
        ValuedColumn(
          "\(prefix)_sum_squares", .float64, "sum of squares of the gradient of the whole batch",
          dimensions: dimensions
        ) { .reals(whole($0)) },
      ])
  }
}
