import RunData

extension RunFileReader {
  /// Reads what a run tells of noise. Damaged rows are left out, and noted in ``damagedRows``.
  ///
  /// - Parameters:
  ///   - tensors: names within a layer whose sums are added up, e.g. `fc2.weight`; nil for all tensors, those outside of the layers
  ///     included. Tensors that do not train have no sums and add nothing.
  ///   - window: steps that are read; nil for all.
  /// - Returns: nil where the run has not recorded it, or shows another stack of layers than the file's grid.
  /// - Throws: ``RunFileError``, also for a tensor that the run has not.
  public func noise(tensors: [String]? = nil, window: Range<Int>? = nil) throws -> NoiseSeries? {
    guard let table = noiseTable, stack == nil else { return nil }
    let layout = recordedGradients
    let columns = try tensors.map { names in
      try names.map { name in
        guard let index = layout.tensorNames.firstIndex(of: name) else {
          throw RunFileError(.mismatch, path: path, "has no tensor \(name) in its layers")
        }
        return index
      }
    }
    let cells = (0..<layout.layerCount).map { layer in
      (columns ?? Array(layout.tensorNames.indices)).map { layout.index(layer: layer, tensor: $0) }
    }
    var series = NoiseSeries(placeCount: layout.layerCount + 1)
    try reading {
      for stretch in soundStretches(of: table, in: table.rows(in: window)) {
        for row in stretch {
          try series.append(row, of: table, cells: cells, addsStem: tensors == nil)
        }
      }
    }
    return series
  }
}

extension NoiseSeries {
  /// Adds one row, the sums of each layer's `cells` put together.
  fileprivate mutating func append(
    _ row: Int, of table: TableReader, cells: [[Int]], addsStem: Bool
  ) throws {
    func reals(_ name: String) throws -> [Double] {
      guard let column = table.column(name) else { return [] }
      try column.load(row..<row + 1)
      return column.reals
    }
    let count = try reals("noise_parts").first ?? 0
    guard let tokensOfPart = try reals("noise_part_tokens").first, let all = try reals("noise_tokens").first,
      count > 0
    else { return }
    func places(_ layers: String) throws -> [Double] {
      let values = try reals(layers)
      let stem = addsStem ? try reals("stem_\(layers)") : []
      return (cells.map { $0.map { values[$0] } } + [stem]).map { own in
        own.reduce(0) { $1.isNaN ? $0 : $0 + $1 }
      }
    }
    let (partSums, sums) = (try places("noise_part_sum_squares"), try places("noise_sum_squares"))
    steps.append(table.keys[row])
    parts.append(Int(count))
    partTokens.append(tokensOfPart)
    tokens.append(all)
    for place in squares.indices {
      partSquares[place].append(partSums[place] / count)
      squares[place].append(sums[place])
    }
  }
}
