import RunData

extension RunSchema {
  /// Sums of squares by parts of a step's batch; without columns where a run has not recorded them. ``noiseRow(_:)`` follows the same order.
  static func noiseTable(_ manifest: RunManifest) -> Table {
    let marker = Column(
      name: "noise_step", number: .int64, longName: "optimizer step that was looked at by parts")
    guard manifest.hasNoise else { return Table(marker: marker, columns: [], checksums: []) }
    var columns = [
      Column(name: "noise_parts", number: .int32, longName: "equal parts that the batch was cut into"),
      Column(
        name: "noise_part_tokens", number: .float64,
        longName: "tokens of a part; the harmonic mean where parts differ"),
      Column(name: "noise_tokens", number: .int64, longName: "tokens of the whole batch"),
    ]
    columns += squareColumns("noise", [.layer, .tensor])
    if !manifest.gradients.stemTensorNames.isEmpty { columns += squareColumns("stem_noise", [.stemTensor]) }
    return Table(marker: marker, columns: columns, checksums: ["noise_checksum"])
  }

  private static func squareColumns(_ prefix: String, _ dimensions: [Dimension]) -> [Column] {
    [
      ("part_sum_squares", "sum over the parts of each one's sum of squares of the gradient"),
      ("sum_squares", "sum of squares of the gradient of the whole batch"),
    ].map { suffix, longName in
      Column(name: "\(prefix)_\(suffix)", number: .float64, dimensions: dimensions, longName: longName)
    }
  }

  /// The values of one step in the order of ``noiseTable(_:)``.
  func noiseRow(_ record: NoiseRecord) -> [RowValue] {
    var row: [RowValue] = [
      .integers([record.parts]), .reals([record.partTokens]), .integers([record.tokens]),
      .reals(record.partSquares), .reals(record.squares),
    ]
    if extents[.stemTensor] != 0 { row += [.reals(record.stemPartSquares), .reals(record.stemSquares)] }
    return row
  }
}
