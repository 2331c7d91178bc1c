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
        try TableReader.forEachBlock(of: Array(stretch), blockRows: table.blockRows) { positions in
          let rows = stretch.lowerBound + positions.lowerBound..<stretch.lowerBound + positions.upperBound
          try series.append(rows, of: table, cells: cells, addsStem: tensors == nil)
        }
      }
    }
    return series
  }

  /// Reads what the norms' gradients by sequence tell of noise, at every step. Damaged rows are left out, and noted in ``damagedRows``.
  ///
  /// - Parameter window: steps that are read; nil for all.
  /// - Returns: a sequence for a part, the norms' sums alone; nil where the run has not recorded them, or shows another stack of layers
  ///   than the file's grid.
  /// - Throws: ``RunFileError``.
  public func exampleNoise(window: Range<Int>? = nil) throws -> NoiseSeries? {
    guard manifest.hasExampleNorms, stack == nil else { return nil }
    var series = NoiseSeries(placeCount: recordedGradients.layerCount + 1)
    try reading {
      for stretch in soundStretches(of: stepTable, in: rows(in: window)) {
        try TableReader.forEachBlock(of: Array(stretch), blockRows: stepTable.blockRows) { positions in
          try series.appendExamples(
            stretch.lowerBound + positions.lowerBound..<stretch.lowerBound + positions.upperBound,
            of: stepTable)
        }
      }
    }
    return series
  }
}

extension NoiseSeries {
  /// Adds some rows of the norms' sums by sequence.
  fileprivate mutating func appendExamples(_ rows: Range<Int>, of table: TableReader) throws {
    func reals(_ name: String) throws -> [Double] {
      guard let column = table.column(name) else { return [] }
      try column.load(rows)
      return column.reals
    }
    let (counts, partTokens, tokens) = (
      try reals(RunSchema.normExamples), try reals("norm_example_tokens"), try reals("tokens")
    )
    let (byExample, whole) = (try reals("norm_example_sum_squares"), try reals("norm_sum_squares"))
    let (stemByExample, stem) = (
      try reals("stem_norm_example_sum_squares"), try reals("stem_norm_sum_squares")
    )
    let layerCount = placeCount - 1
    for row in counts.indices {
      let layers = row * layerCount..<(row + 1) * layerCount
      let parts = (byExample[layers] + [stemByExample[row]]).map { $0 / counts[row] }
      let squares = whole[layers] + [stem[row]]
      // An overflow, of which a scaler skips the step, tells nothing.
      guard (parts + squares).allSatisfy(\.isFinite) else { continue }
      steps.append(table.keys[rows.lowerBound + row])
      self.parts.append(Int(counts[row]))
      self.partTokens.append(partTokens[row])
      self.tokens.append(tokens[row])
      for (place, value) in parts.enumerated() { partSquares[place].append(value) }
      for (place, value) in squares.enumerated() { self.squares[place].append(value) }
    }
  }

  /// Adds some rows, the sums of each layer's `cells` put together.
  fileprivate mutating func append(
    _ rows: Range<Int>, of table: TableReader, cells: [[Int]], addsStem: Bool
  ) throws {
    func reals(_ name: String) throws -> [Double] {
      guard let column = table.column(name) else { return [] }
      try column.load(rows)
      return column.reals
    }
    /// Of each place, its sum in every row.
    func places(_ name: String) throws -> [[Double]] {
      let (grid, stem) = (try reals(name), addsStem ? try reals("stem_\(name)") : [])
      let (width, stemWidth) = (grid.count / rows.count, stem.count / rows.count)
      func sum(_ values: [Double], _ indices: some Sequence<Int>) -> Double {
        indices.reduce(0) { values[$1].isNaN ? $0 : $0 + values[$1] }
      }
      return cells.map { own in
        (0..<rows.count).map { row in sum(grid, own.lazy.map { row * width + $0 }) }
      } + [(0..<rows.count).map { row in sum(stem, row * stemWidth..<(row + 1) * stemWidth) }]
    }
    let counts = try reals("noise_parts")
    let (partSums, sums) = (try places("noise_part_sum_squares"), try places("noise_sum_squares"))
    steps += table.keys[rows]
    parts += counts.map { Int($0) }
    partTokens += try reals("noise_part_tokens")
    tokens += try reals("noise_tokens")
    for place in squares.indices {
      partSquares[place] += zip(partSums[place], counts).map { $0 / $1 }
      squares[place] += sums[place]
    }
  }
}
