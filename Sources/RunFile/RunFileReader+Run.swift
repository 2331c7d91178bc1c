import RunData

extension RunFileReader {
  /// Reads a run with some of its gradients. Rows whose checksum is wrong are left out, and noted in
  /// ``damagedRows``.
  ///
  /// - Parameters:
  ///   - tensors: names within a layer, e.g. `fc2.weight`.
  ///   - window: steps that are read; nil for all.
  ///   - outputs: whether the largest outputs of operations are read too, where they are recorded.
  ///   - stream: whether the size of the residual stream is read too, where it is recorded.
  ///   - scales: whether the snapshots of gains and scales are read too.
  ///   - parameters: whether the sums of weights and updates are read too, where they are recorded.
  ///   - sums: the sums of gradients that are read; the others stay empty.
  ///   - checksRows: whether rows are compared with their checksums, for which all of them has to be read. Without, a caller
  ///     looks for damage later (``findDamage(in:)``).
  /// - Throws: ``RunFileError``, also for a tensor that the run has not.
  public func read(
    tensors: [String], window: Range<Int>? = nil, outputs: Bool = false, stream: Bool = false,
    scales: Bool = false, parameters: Bool = false,
    sums: [GradientStatistic.Sum] = GradientStatistic.Sum.ofGradients,
    checksRows: Bool = true
  ) throws -> RecordedRun {
    let rows = rows(in: window)
    let chosen = sums + (parameters ? [.ofParameters] : [])
    return try reading {
      let stretches =
        checksRows ? soundStretches(of: stepTable, in: rows) : knownSoundStretches(of: stepTable, in: rows)
      var run = try read(tensors, stretches.first ?? rows.lowerBound..<rows.lowerBound, outputs, chosen)
      if stream {
        run.streamSquares = try streamSquares(stretches.first ?? rows.lowerBound..<rows.lowerBound)
      }
      for stretch in stretches.dropFirst() {
        var later = try read(tensors, stretch, outputs, chosen)
        if stream { later.streamSquares = try streamSquares(stretch) }
        run.append(later)
      }
      if scales { run.snapshots = try scaleSnapshots() }
      return run
    }
  }

  /// Compares the rows of a window with their checksums, each once; what is wrong is noted in ``damagedRows``, and left out of
  /// what is read from then on.
  ///
  /// - Returns: whether rows were found damaged that were not known to be.
  public func findDamage(in window: Range<Int>) -> Bool {
    let before = damagedRows
    _ = soundStretches(of: stepTable, in: rows(in: window))
    return damagedRows != before
  }

  private func read(
    _ tensors: [String], _ rows: Range<Int>, _ outputs: Bool, _ sums: [GradientStatistic.Sum]
  ) throws -> RecordedRun {
    var run = RecordedRun(
      manifest: manifest, status: status.value, steps: Array(steps[rows]),
      segments: try integers("segment", rows), loss: try reals("loss", rows),
      learningRate: try reals("learning_rate", rows), gradientL2: try reals("gradient_l2", rows),
      clipCoefficient: try reals("clip_coefficient", rows), tokens: try integers("tokens", rows),
      seconds: try reals("seconds", rows), validation: try validationRecords(),
      gradients: try series(tensors, rows, sums), outputs: outputs ? try outputMaxima(rows) : nil)
    run.evaluations = try evaluationRecords()
    return run
  }

  /// Nil where the run has not recorded them.
  private func outputMaxima(_ rows: Range<Int>) throws -> OutputMaxima? {
    guard !manifest.operationNames.isEmpty else { return nil }
    let columns = ["activation_max_abs", "stem_activation_max_abs"].compactMap { stepTable.column($0) }
    var values: [[Double]] = []
    try forEachBlock(rows) { block in
      let parts = try columns.map { column in
        try column.load(block)
        return column.reals
      }
      for row in 0..<block.count {
        values.append(
          parts.flatMap { part in
            let width = part.count / block.count
            return part[row * width..<(row + 1) * width]
          })
      }
    }
    return OutputMaxima(places: manifest.operationPlaces, values: values)
  }

  /// Σx² of what enters each layer, `(layer)(step)`; nil where the run has not recorded it.
  private func streamSquares(_ rows: Range<Int>) throws -> [[Double]]? {
    guard let place = manifest.operationNames.firstIndex(of: OperationPlace.streamName),
      let column = stepTable.column("activation_sum_squares")
    else { return nil }
    var squares = Array(repeating: [Double](), count: manifest.gradients.layerCount)
    try forEachBlock(rows) { block in
      try column.load(block, lastPlace: place)
      for (index, value) in column.reals.enumerated() { squares[index % squares.count].append(value) }
    }
    return squares
  }

  /// Updates made before each snapshot of the scales, ascending; none where the run keeps none.
  public var snapshotSteps: [Int] { snapshotTable?.keys ?? [] }

  /// Reads the snapshots of the scales, in order; none where the run keeps none. Damaged ones are left out, and noted
  /// in ``damagedRows``.
  ///
  /// - Parameter window: updates made before the snapshots that are read; nil for all.
  /// - Throws: ``RunFileError``.
  public func scaleSnapshots(in window: Range<Int>? = nil) throws -> [ScaleSnapshot] {
    guard let table = snapshotTable, stack == nil else { return [] }
    return try reading {
      try soundStretches(of: table, in: table.rows(in: window)).joined().map { row in
        let values = try schema.snapshots.columns.map { column -> [Float] in
          guard let reader = table.column(column.name) else { return [] }
          try reader.load(row..<row + 1)
          return reader.floats
        }
        return ScaleSnapshot(step: table.keys[row], values: values)
      }
    }
  }

  /// Rows of the steps in a window.
  func rows(in window: Range<Int>?) -> Range<Int> { stepTable.rows(in: window) }

  /// Reads the validation losses, in order; none where nothing was validated. Damaged ones are left out, and noted in
  /// ``damagedRows``.
  ///
  /// - Parameter window: updates made before the validations that are read; nil for all.
  /// - Throws: ``RunFileError``.
  public func validationRecords(in window: Range<Int>? = nil) throws -> [ValidationRecord] {
    let table = validationTable
    guard let column = table.column("validation_loss"), !table.keys.isEmpty else { return [] }
    return try reading {
      try soundStretches(of: table, in: table.rows(in: window)).flatMap { rows in
        try column.load(rows)
        var records = zip(table.keys[rows], column.reals).map { ValidationRecord(step: $0, loss: $1) }
        for metric in manifest.metrics {
          guard let column = table.column(RunSchema.variable(of: metric)) else { continue }
          try column.load(rows)
          for (index, value) in column.reals.enumerated() { records[index].metrics.append(value) }
        }
        return records
      }
    }
  }

  private func reals(_ name: String, _ rows: Range<Int>) throws -> [Double] {
    guard let column = stepTable.column(name) else { return [] }
    try column.load(rows)
    return column.reals
  }

  private func integers(_ name: String, _ rows: Range<Int>) throws -> [Int] {
    guard let column = stepTable.column(name) else { return [] }
    try column.load(rows)
    return column.integers
  }

  private func series(
    _ tensors: [String], _ rows: Range<Int>, _ sums: [GradientStatistic.Sum]
  ) throws -> [String: TensorSeries] {
    let layout = manifest.gradients
    let indices = try tensors.map { name in
      guard let index = layout.tensorNames.firstIndex(of: name) else {
        throw RunFileError(
          .mismatch, path: path,
          "has no tensor \(name) in its layers; it has \(layout.tensorNames.joined(separator: ", "))")
      }
      return index
    }
    let prefix = stack == nil ? "" : "stem_"
    let unread = indices.map { _ in (0..<layout.layerCount).map { _ in [Double]() } }
    let l1 = sums.contains(.l1) ? try columns("\(prefix)gradient_l1", indices, rows) { $0 } : unread
    let sumSquares =
      sums.contains(.sumSquares) ? try columns("\(prefix)gradient_sum_squares", indices, rows) { $0 } : unread
    let isTrained = try columns("\(prefix)gradient_nonfinite", indices, rows) {
      $0 != Double(TensorSums.missingCount)
    }
    func squares(_ name: String, isRecorded: Bool) throws -> [[[Double]]]? {
      guard sums.contains(.ofParameters), isRecorded else { return nil }
      return try columns("\(prefix)\(name)_sum_squares", indices, rows) { $0 }
    }
    let weightSquares = try squares("weight", isRecorded: manifest.hasWeights)
    let updateSquares = try squares("update", isRecorded: manifest.hasUpdates)
    var result: [String: TensorSeries] = [:]
    for (position, tensor) in indices.enumerated() {
      let cells = (0..<layout.layerCount).map { layout.index(layer: $0, tensor: tensor) }
      var own = TensorSeries(
        elementCounts: cells.map { layout.elementCounts[$0] },
        isZeroByConstruction: cells.map { layout.isZeroByConstruction[$0] }, l1: l1[position],
        sumSquares: sumSquares[position], isTrained: isTrained[position])
      own.weightSquares = weightSquares?[position]
      own.updateSquares = updateSquares?[position]
      result[tensors[position]] = own
    }
    return result
  }

  /// `(tensor)(layer)(step)` of a gradient variable, each number as `value` takes it.
  ///
  /// Rows are read whole, a block at a time: a chunk of the file holds all tensors anyway. Of one tensor alone they are not:
  /// what is left out then need not be copied.
  private func columns<Value>(
    _ name: String, _ tensors: [Int], _ rows: Range<Int>, _ value: (Double) -> Value
  ) throws -> [[[Value]]] {
    let layout = manifest.gradients
    let width = stack == nil ? layout.elementCounts.count : recordedGradients.stemTensorNames.count
    var result = tensors.map { _ in (0..<layout.layerCount).map { _ in [Value]() } }
    for position in result.indices {
      for layer in 0..<layout.layerCount { result[position][layer].reserveCapacity(rows.count) }
    }
    guard !tensors.isEmpty, let column = stepTable.column(name) else { return result }
    if let tensor = tensors.first, tensors.count == 1, stack == nil {
      try forEachBlock(rows) { block in
        try column.load(block, lastPlace: tensor)
        let values = column.reals
        for layer in 0..<layout.layerCount {
          result[0][layer].append(
            contentsOf: stride(from: layer, to: values.count, by: layout.layerCount).map { value(values[$0]) }
          )
        }
      }
      return result
    }
    try forEachBlock(rows) { block in
      try column.load(block)
      let values = column.reals
      for (position, tensor) in tensors.enumerated() {
        for layer in 0..<layout.layerCount {
          let index = layout.index(layer: layer, tensor: tensor)
          // What a layer of another stack lacks has no column.
          let cell = stack.map { $0.stemIndices[index] } ?? index
          result[position][layer].append(
            contentsOf: cell.map { cell in
              stride(from: cell, to: values.count, by: width).map { value(values[$0]) }
            } ?? block.map { _ in value(0) })
        }
      }
    }
    return result
  }

  /// Blocks of rows that keep memory small and begin where chunks do.
  func forEachBlock(_ rows: Range<Int>, _ body: (Range<Int>) throws -> Void) rethrows {
    let size = stepTable.blockRows
    var start = rows.lowerBound
    while start < rows.upperBound {
      let end = min(rows.upperBound, (start / size + 1) * size)
      try body(start..<end)
      start = end
    }
  }
}

extension TableReader {
  /// Rows whose markers lie in a window; nil for all.
  func rows(in window: Range<Int>?) -> Range<Int> {
    guard let window else { return keys.indices }
    let start = keys.partitioningIndex { $0 >= window.lowerBound }
    return start..<max(start, keys.partitioningIndex { $0 >= window.upperBound })
  }
}

extension RandomAccessCollection where Index == Int {
  /// The first index whose element fulfils `predicate`, where all elements behind it do too; the end if none does.
  func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = low + (high - low) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
