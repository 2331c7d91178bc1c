import HDF5
import RunData

/// Makes a run file's whole schema: every attribute, coordinate and growing variable. Nothing is made later: what
/// is created in a file that readers follow is not safe against a crash.
struct RunFileBuilder {
  let manifest: RunManifest
  let schema: RunSchema
  let file: HDF5File
  /// Whether chunks are large and compressed, which only a file that is written once can have.
  var isPacked: Bool { manifest.packing != nil }

  /// Makes the schema in a new, empty file.
  func build() throws {
    for attribute in RunAttribute.all { try file.set(attribute, of: manifest) }
    let scales = try makeCoordinates()
    try makeFixedVariables(scales)
    for table in schema.usedTables {
      for column in table.columns + table.checksums {
        let dataset = try makeColumn(column)
        let dimensions = [table.marker.name] + column.dimensions.map(\.rawValue)
        try dataset.attach(scales: dimensions.compactMap { scales[$0] })
        try describe(dataset, column)
        if column.name == "status" { try describeStatus(dataset) }
        if let checksum = table.checksums.firstIndex(of: column) {
          try dataset.setAttribute("covers", table.covered(by: checksum).joined(separator: " "))
          try dataset.setAttribute(
            "algorithm", "CRC-32C of the little-endian bytes of the row in each covered variable, in order")
        }
      }
    }
  }

  private func describe(_ dataset: HDF5Dataset, _ column: RunSchema.Column) throws {
    try dataset.setAttribute("units", column.units)
    try dataset.setAttribute("long_name", column.longName)
  }

  private func describeStatus(_ dataset: HDF5Dataset) throws {
    try dataset.setAttribute("flag_values", RunStatus.allCases.map { Int32($0.rawValue) })
    try dataset.setAttribute("flag_meanings", RunStatus.allCases.map { "\($0)" }.joined(separator: " "))
  }

  // MARK: - Coordinates and variables

  private func makeCoordinates() throws -> [String: HDF5Dataset] {
    var scales: [String: HDF5Dataset] = [:]
    func add(_ dimension: RunSchema.Dimension, _ make: (String) throws -> HDF5Dataset) throws {
      let dataset = try make(dimension.rawValue)
      try dataset.makeDimensionScale()
      scales[dimension.rawValue] = dataset
    }
    for table in schema.usedTables {
      let dataset = try makeColumn(table.marker)
      try dataset.makeDimensionScale()
      // No units here: a reader that decodes times must not take a step for one.
      try dataset.setAttribute("long_name", table.marker.longName)
      scales[table.marker.name] = dataset
    }
    for dimension in [
      RunSchema.Dimension.layer, .head, .modelElement, .ffnElement, .headElement, .single, .expert,
    ] {
      guard let extent = schema.extents[dimension], extent > 0 else { continue }
      try add(dimension) {
        let dataset = try file.createDataset($0, of: Int32.self, shape: .fixed([extent]))
        try dataset.write((0..<Int32(extent)).map { $0 })
        return dataset
      }
    }
    let names: [(RunSchema.Dimension, [String])] = [
      (.tensor, manifest.gradients.tensorNames), (.stemTensor, manifest.gradients.stemTensorNames),
      (.operation, manifest.operationNames), (.stemOperation, manifest.stemOperationNames),
      (.evaluation, manifest.evaluations.map(\.name)),
    ]
    for (dimension, strings) in names where !strings.isEmpty {
      try add(dimension) { try file.createDataset($0, strings: strings) }
    }
    return scales
  }

  private func makeFixedVariables(_ scales: [String: HDF5Dataset]) throws {
    let gradients = manifest.gradients
    let layers = try file.createDataset("layer_name", strings: gradients.layerNames)
    try layers.attach(scales: ["layer"].compactMap { scales[$0] })
    try makeFixed("gradient_count", gradients.elementCounts.map(Int64.init), ["layer", "tensor"], scales)
    try makeFixed(
      "gradient_zero_by_construction", gradients.isZeroByConstruction.map { $0 ? UInt8(1) : 0 },
      ["layer", "tensor"], scales)
    if let experts = gradients.experts {
      try makeFixed(
        RunSchema.expertCount, experts.elementCounts.map(Int64.init), ["layer", "expert"], scales)
    }
    for variable in EvaluationCounts.variables where !manifest.evaluations.isEmpty {
      try makeFixed(
        variable.name, manifest.evaluations.map { Int64(variable.count($0)) },
        [RunSchema.Dimension.evaluation.rawValue], scales)
      try file.dataset(variable.name).setAttribute("long_name", variable.longName)
    }
    guard !gradients.stemTensorNames.isEmpty else { return }
    try makeFixed("stem_gradient_count", gradients.stemElementCounts.map(Int64.init), ["stem_tensor"], scales)
    try makeFixed(
      "stem_gradient_zero_by_construction", gradients.stemIsZeroByConstruction.map { $0 ? UInt8(1) : 0 },
      ["stem_tensor"], scales)
  }

  private func makeFixed<Element: HDF5Element>(
    _ name: String, _ values: [Element], _ dimensions: [String], _ scales: [String: HDF5Dataset]
  ) throws {
    let coordinates = dimensions.compactMap { scales[$0] }
    let shape = try coordinates.map { try $0.shape()[0] }
    let dataset = try file.createDataset(name, of: Element.self, shape: .fixed(shape))
    try dataset.write(values)
    try dataset.attach(scales: coordinates)
  }

  private func makeColumn(_ column: RunSchema.Column) throws -> HDF5Dataset {
    let row = schema.rowShape(column)
    let shape = DatasetShape.growing(
      row: row, chunkRows: isPacked ? schema.packedChunkRows(column) : schema.chunkRows(column),
      compression: isPacked ? RunSchema.compressionLevel : nil)
    // Rows that were never written must not look like measurements.
    return switch column.number {
    case .float64: try file.createDataset(column.name, of: Double.self, shape: shape, fill: .nan)
    case .float32: try file.createDataset(column.name, of: Float.self, shape: shape, fill: .nan)
    case .int64: try file.createDataset(column.name, of: Int64.self, shape: shape, fill: -1)
    case .int32: try file.createDataset(column.name, of: Int32.self, shape: shape, fill: -1)
    case .uint32: try file.createDataset(column.name, of: UInt32.self, shape: shape)
    case .text:
      try file.createDataset(column.name, textLength: RunSchema.Number.textLength, shape: shape)
    }
  }
}

extension RunSchema {
  /// Rows of a chunk: the power of two, at most 512, that keeps a chunk within 128 KiB, and so in the cache.
  ///
  /// A flush writes the unfinished chunk of every column anew, which asks for small chunks; the index of the chunks
  /// and reading ask for large ones. 512 eight-byte numbers fill one page of the disk.
  ///
  /// Columns of weights and updates hold nothing at nine of ten steps. Left unwritten, such a row would take no room only in chunks
  /// of one row: 39 bytes a row instead of 262, 1240 instead of 9218. But every reader then looks each row up, written or not: 12 to
  /// 30 µs a row and column instead of 1 to 10 (h5py, HDF5 2.0), half a minute for a column of a million steps. `pack` takes the
  /// room back when a run is finished.
  func chunkRows(_ column: Column) -> Int {
    let rowBytes = width(column) * column.number.byteCount
    // Attempts are few.
    if column.number == .text { return 16 }
    var rows = 512
    while rows > 1, rows * rowBytes > 128 << 10 { rows /= 2 }
    return rows
  }

  /// Rows of a chunk in a packed file: the power of two that keeps a chunk within 128 KiB: several times what
  /// deflate looks back over, and a window of steps is read without much of what lies around it.
  func packedChunkRows(_ column: Column) -> Int {
    let rowBytes = width(column) * column.number.byteCount
    var rows = 1
    while rows < 1 << 14, 2 * rows * rowBytes <= 128 << 10 { rows *= 2 }
    return rows
  }

  /// The chunk cache that holds two chunks of the largest column: the one that grows and its successor.
  var chunkCacheBytes: Int {
    let columns = tables.flatMap(\.columns)
    let largest = columns.map { chunkRows($0) * width($0) * $0.number.byteCount }.max() ?? 0
    return max(1 << 20, 2 * largest)
  }
}
