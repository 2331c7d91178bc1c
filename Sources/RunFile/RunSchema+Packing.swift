// What packed files have beside the variables of others.
extension RunSchema {
  /// What a thinned file keeps of the steps between two rows.
  static func extremes(of column: Column, _ checksum: Int) -> [Column] {
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
}
