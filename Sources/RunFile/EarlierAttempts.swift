import HDF5
import RunData

/// What a run's file holds before another attempt goes on with it.
struct EarlierAttempts {
  let schema: RunSchema
  let steps: RecordedRows
  let snapshots: RecordedRows
  let validations: RecordedRows
  let eventCount: Int
  let segmentCount: Int

  /// Reads the file; the caller holds its lock.
  /// - Throws: ``RunFileError``, also where the file is another run's, was not closed, or is damaged.
  init(path: String, manifest: RunManifest) throws {
    let reader = try RunFileReader(path: path)
    guard reader.isOpenedPlainly else {
      throw RunFileError(
        .damaged, path: path, "was not closed by its writer; `nf-probe recover` makes it whole")
    }
    let verification = reader.verify()
    guard verification.isIntact, reader.untrustedRows == 0 else {
      throw RunFileError(
        .damaged, path: path, "is damaged; a run cannot go on with it (see `nf-probe verify`)")
    }
    let stored = reader.manifest
    guard stored.runID == manifest.runID, stored.gradients == manifest.gradients,
      stored.scales == manifest.scales, stored.operationNames == manifest.operationNames
    else {
      throw RunFileError(
        .mismatch, path: path,
        "belongs to run \(stored.runID), not to \(manifest.runID): settings, seed or corpus differ")
    }
    schema = reader.schema
    steps = try reader.stepTable.recordedRows()
    snapshots = try reader.snapshotTable?.recordedRows() ?? .none
    validations = try reader.validationTable.recordedRows()
    eventCount = reader.eventTable.keys.count
    segmentCount = try reader.segmentCount()
  }
}

extension RunFileReader {
  /// Attempts that recorded something: by their steps, and by their events where the file has those.
  func segmentCount() throws -> Int {
    var last = 0
    if let column = stepTable.column("segment"), let row = stepTable.keys.indices.last {
      try column.load(row..<row + 1)
      last = max(last, column.integers.first ?? 0)
    }
    if let column = eventTable.column("event_segment"), let row = eventTable.keys.indices.last {
      try column.load(row..<row + 1)
      last = max(last, column.integers.first ?? 0)
    }
    return last + 1
  }
}
