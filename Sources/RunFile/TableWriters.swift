import HDF5

/// The open tables of a run file.
struct TableWriters {
  let file: HDF5File
  let steps: TableWriter
  let snapshots: TableWriter?
  let validations: TableWriter
  let noises: TableWriter?
  let evaluations: TableWriter?
  let events: TableWriter
  private let descriptor: Int32

  init(_ schema: RunSchema, in file: HDF5File, _ earlier: EarlierAttempts? = nil) throws {
    func table(_ definition: RunSchema.Table, _ writtenRows: Int?) throws -> TableWriter {
      try TableWriter(definition, of: schema, in: file, writtenRows: writtenRows ?? 0)
    }
    self.file = file
    descriptor = try file.descriptor()
    steps = try table(schema.steps, earlier?.steps.count)
    snapshots =
      schema.snapshots.columns.isEmpty ? nil : try table(schema.snapshots, earlier?.snapshots.count)
    validations = try table(schema.validations, earlier?.validations.count)
    noises = schema.noises.columns.isEmpty ? nil : try table(schema.noises, earlier?.noises.count)
    evaluations =
      schema.evaluations.columns.isEmpty ? nil : try table(schema.evaluations, earlier?.evaluations.count)
    events = try table(schema.events, earlier?.eventCount)
  }

  /// Hands all waiting rows to the operating system and waits until they are on the disk, the markers last: a marker on
  /// the disk stands for a row on the disk, also after a crash of the machine.
  func write(_ path: String) throws {
    let waiting = [steps, snapshots, validations, noises, evaluations, events].compactMap { $0 }.filter {
      $0.waitingRows > 0
    }
    if !waiting.isEmpty {
      for table in waiting { try table.writeColumns() }
      try FileSystem.synchronizeData(descriptor)
      for table in waiting { try table.writeMarkers() }
      try FileSystem.synchronizeData(descriptor)
    }
    guard FileSystem.hasName(descriptor) else {
      throw RunFileError(
        .vanished, path: path, "was deleted while it was written; the run is no longer recorded")
    }
  }
}
