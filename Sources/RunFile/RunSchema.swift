import HDF5
import RunData

/// What a run file holds: every name, shape and unit. The writer, the reader and the checks all follow these tables.
struct RunSchema {
  static let name = "nf-probe-run"
  static let latestVersion: Int64 = 2

  /// The version that a run's file has: the first one that knows all that is in it.
  static func version(of manifest: RunManifest) -> Int64 {
    manifest.hasWeights || manifest.hasUpdates || manifest.hasNoise || manifest.hasOutputMoments
      || manifest.hasExampleNorms || !manifest.metrics.isEmpty || !manifest.evaluations.isEmpty ? 2 : 1
  }

  /// The dimensions of a run file; each has a coordinate variable of the same name.
  enum Dimension: String, CaseIterable {
    case step, layer, tensor
    case stemTensor = "stem_tensor"
    case operation, snapshot, head, expert
    case stemOperation = "stem_operation"
    case modelElement = "model_element"
    case ffnElement = "ffn_element"
    case headElement = "head_element"
    case single
    case validationStep = "validation_step"
    case noiseStep = "noise_step"
    case evaluation
    case evaluationStep = "evaluation_step"
    case event
  }

  /// The formats of the growing variables.
  enum Number {
    case float64, float32, int64, int32, uint32
    /// UTF-8 of at most ``textLength`` bytes, padded with NULs.
    case text

    static let textLength = 256

    /// How the library stores it.
    var elementClass: DatasetDescription.ElementClass {
      switch self {
      case .float64: HDF5Number.float64.elementClass
      case .float32: HDF5Number.float32.elementClass
      case .int64: HDF5Number.int64.elementClass
      case .int32: HDF5Number.int32.elementClass
      case .uint32: HDF5Number.uint32.elementClass
      case .text: .fixedText(bytes: Self.textLength)
      }
    }

    var byteCount: Int {
      switch self {
      case .float64, .int64: 8
      case .float32, .int32, .uint32: 4
      case .text: Self.textLength
      }
    }

    var isInteger: Bool {
      switch self {
      case .float64, .float32, .text: false
      case .int64, .int32, .uint32: true
      }
    }
  }

  /// One variable that grows with its table.
  struct Column: Equatable {
    var name: String
    var number: Number
    /// Dimensions of one row.
    var dimensions: [Dimension] = []
    var units: String = "1"
    var longName: String
    /// Which of its table's checksums covers the column.
    var checksum = 0
    /// Whether files of earlier programs lack it.
    var isLater = false
  }

  /// Columns that grow together. A row exists once its marker, the coordinate, is written; that happens last.
  struct Table {
    var marker: Column
    var columns: [Column]
    /// CRC-32C of parts of the row: the marker's bytes, then those of each column that the checksum covers, in order.
    var checksums: [Column]

    init(marker: Column, columns: [Column], checksums: [String]) {
      self.marker = marker
      self.columns = columns
      self.checksums = checksums.map { Column(name: $0, number: .uint32, longName: "CRC-32C of the row") }
    }

    /// Names of the variables that a checksum covers, in order.
    func covered(by checksum: Int) -> [String] {
      [marker.name] + columns.filter { $0.checksum == checksum }.map(\.name)
    }
  }

  /// Extents of the dimensions that do not grow.
  let extents: [Dimension: Int]
  let steps: Table
  let snapshots: Table
  let validations: Table
  let noises: Table
  let evaluations: Table
  private(set) var events: Table
  /// The columns of a table with their values.
  let stepGroups: [ColumnGroup<StepRow>]
  let snapshotGroups: [ColumnGroup<ScaleSnapshot>]
  let validationGroups: [ColumnGroup<ValidationRecord>]
  let noiseGroups: [ColumnGroup<NoiseRecord>]
  let evaluationGroups: [ColumnGroup<EvaluationRecord>]
  private(set) var eventGroup: ColumnGroup<EventRow>

  init(_ manifest: RunManifest) {
    let gradients = manifest.gradients
    extents = [
      .layer: gradients.layerCount, .tensor: gradients.tensorNames.count,
      .stemTensor: gradients.stemTensorNames.count, .operation: manifest.operationNames.count,
      .stemOperation: manifest.stemOperationNames.count, .head: manifest.headCount,
      .modelElement: manifest.modelDim, .ffnElement: manifest.ffnDim,
      // Only runs that have such scales have the dimension.
      .headElement: manifest.usesAxis(.headElement) ? manifest.headDim : 0,
      .single: manifest.usesAxis(.single) ? 1 : 0,
      .expert: gradients.experts?.count ?? 0, .evaluation: manifest.evaluations.count,
    ]
    stepGroups = Self.stepGroups(manifest)
    steps = Self.stepTable(stepGroups, manifest)
    snapshotGroups = Self.snapshotGroups(manifest)
    snapshots = Self.snapshotTable(snapshotGroups)
    validationGroups = Self.validationGroups(manifest)
    validations = Self.validationTable(validationGroups)
    noiseGroups = Self.noiseGroups(manifest)
    noises = Self.noiseTable(noiseGroups)
    evaluationGroups = Self.evaluationGroups(manifest)
    evaluations = Self.evaluationTable(evaluationGroups)
    eventGroup = Self.allEvents
    events = Self.eventTable(eventGroup)
  }

  /// The schema without the columns that `isThere` does not find: that of a file of an earlier program.
  func restricted(to isThere: (String) throws -> Bool) rethrows -> RunSchema {
    var schema = self
    schema.eventGroup = try eventGroup.restricted(to: isThere)
    schema.events = Self.eventTable(schema.eventGroup)
    return schema
  }

  var tables: [Table] { [steps, snapshots, validations, noises, evaluations, events] }

  /// The tables that the file has: without columns there is nothing to mark.
  var usedTables: [Table] { tables.filter { !$0.columns.isEmpty } }

  /// Extents of one row of `column`.
  func rowShape(_ column: Column) -> [Int] { column.dimensions.map { extents[$0] ?? 0 } }

  /// Numbers in one row of `column`.
  func width(_ column: Column) -> Int { rowShape(column).reduce(1, *) }

  /// Bytes of one row of `table`.
  func rowBytes(_ table: Table) -> Int {
    ([table.marker] + table.columns + table.checksums).reduce(0) { $0 + width($1) * $1.number.byteCount }
  }
}
